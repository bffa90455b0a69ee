//! Sign-in: a code by mail, and what it is exchanged for.

mod grant;
pub(super) mod login;
mod login_limit;
pub(super) mod verify_otp;

pub use login_limit::LoginLimit;
