//! Both services as processes on real servers: sign-in from end to end, restarts, secrecy.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test fails by panic, and its figures are for the reader"
)]

mod restarts;
mod secrecy;
mod sign_in;
