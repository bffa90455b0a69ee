//! Sign-in: a code by mail, and what it is exchanged for.

mod grant;
mod login;
mod login_concurrency;
mod verify_otp;

use std::sync::Arc;

use utoipa_axum::{router::OpenApiRouter, routes};

use super::App;

pub use login_concurrency::LoginConcurrency;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(login::login)).routes(routes!(verify_otp::verify_otp))
}
