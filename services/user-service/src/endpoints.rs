//! The router: the endpoints, and the layers that every request passes on its way in.

mod log_limit;
mod openapi;
mod sessions;
mod sign_in;
mod state;
mod token;
mod users;

use std::sync::Arc;

use axum::{Router, middleware::from_fn_with_state};
use tower_http::catch_panic::CatchPanicLayer;

pub use sign_in::LoginLimit;
pub use state::{App, Parts};

use crate::http::{
    admission::{self, Admission},
    cors,
    problem::Problem,
};

/// Settings of a router that are not part of the application.
#[derive(Debug)]
pub struct RouterOptions {
    /// Origins whose pages may call; none = any.
    pub allowed_origins: Vec<axum::http::HeaderValue>,
    /// How many requests are in flight at once, and how long one may take.
    pub admission: Admission,
}

/// The whole HTTP interface.
pub fn router(app: &Arc<App>, options: RouterOptions) -> Router {
    let with_cookie = app.parts.options.cookie_domain.is_some();
    let inner = |routes: Router<Arc<App>>| {
        let admission = from_fn_with_state(options.admission.clone(), admission::admit);
        routes
            .method_not_allowed_fallback(async || Problem::method_not_allowed())
            .with_state(Arc::clone(app))
            // The last added is the outermost: read from below.
            .layer(admission) //                         3. reads the body, sheds load, ends what takes too long
            .layer(CatchPanicLayer::custom(internal)) // 2. a panic is one request's 500
    };
    // 1. so that every answer carries its headers
    let pages = inner(for_pages()).layer(cors::layer(options.allowed_origins, with_cookie));
    pages.merge(inner(token::for_proxies()))
}

/// What web pages and services call. Each handler declares its own method and path.
fn for_pages() -> Router<Arc<App>> {
    let routes = openapi::router()
        .merge(sign_in::routes())
        .merge(token::routes())
        .merge(sessions::routes())
        .merge(users::routes());
    openapi::serve(routes).fallback(async || Problem::not_found())
}

/// The panic itself was printed by the hook; its words are not for the client.
fn internal(_: Box<dyn std::any::Any + Send>) -> axum::response::Response {
    axum::response::IntoResponse::into_response(Problem::internal())
}
