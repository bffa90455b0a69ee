//! The route table, and what every request passes on its way in, outermost first.

mod admission;
mod cors;
mod login;
mod verify_otp;

use std::sync::Arc;

use axum::{Router, extract::DefaultBodyLimit, middleware::from_fn_with_state, routing::post};
use tower_http::catch_panic::CatchPanicLayer;

pub use admission::Admission;

use crate::{app::App, problem::Problem, request_body::MAX_BODY_OCTETS};

/// What a router is told beside the app.
#[derive(Debug)]
pub struct RouterOptions {
    /// Origins whose pages may call; none = any.
    pub allowed_origins: Vec<axum::http::HeaderValue>,
    /// How many requests are in work, and how long one may take.
    pub admission: Admission,
}

/// The whole HTTP interface.
pub fn router(app: Arc<App>, options: RouterOptions) -> Router {
    let admission = from_fn_with_state((Arc::clone(&app), options.admission), admission::admit);
    Router::new()
        .route("/api/v1/login", post(login::login))
        .route("/api/v1/verify-otp", post(verify_otp::verify_otp))
        .fallback(async || Problem::not_found())
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .with_state(app)
        // The last added is the outermost: read from below.
        .layer(DefaultBodyLimit::max(MAX_BODY_OCTETS)) // 4. how much of a body is read
        .layer(admission) //                              3. sheds load, ends what takes too long
        .layer(CatchPanicLayer::custom(internal)) //      2. a panic is one request's 500
        .layer(cors::layer(options.allowed_origins)) //   1. so that every answer carries its headers
}

/// The panic itself was printed by the hook; its words are not for the client.
fn internal(_: Box<dyn std::any::Any + Send>) -> axum::response::Response {
    axum::response::IntoResponse::into_response(Problem::internal())
}
