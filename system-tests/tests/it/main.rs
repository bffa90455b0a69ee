//! Both services as processes on real servers: sign-in from end to end, restarts, secrecy.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test fails by panic, and its figures are for the reader"
)]

mod guide;
mod restarts;
mod sealed_mail;
mod secrecy;
mod sign_in;
mod synthetic_sign_in;
mod traces;
