//! The router: the endpoints, and the layers that every request passes on its way in.

mod caller;
mod log_limit;
mod openapi;
mod sessions;
mod sign_in;
mod state;
mod token;
mod users;

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{Router, extract::Request, middleware::from_fn_with_state, response::Response};
use futures::future::BoxFuture;
use tower::{Layer as _, Service};
use tower_http::catch_panic::CatchPanicLayer;

pub use sign_in::LoginConcurrency;
pub use state::{App, Basis, Parts};

use crate::http::{
    AllowedPages,
    admission::{self, Admission},
    cors,
    paths::KnownPaths,
    problem::Problem,
    request,
};

/// Settings of a router that are not part of the application.
#[derive(Debug)]
pub struct RouterOptions {
    /// Whose pages may call.
    pub allowed_pages: AllowedPages,
    /// How many requests are in flight at once, and how long one may take.
    pub admission: Admission,
}

/// The whole HTTP interface: its routes, behind what must happen before one is chosen. A `Router` around the `Router` would do the
/// same for some thousand instructions a request.
#[derive(Debug, Clone)]
pub struct Api {
    routes: request::Identified<Router>,
    paths: KnownPaths,
}

impl Service<Request> for Api {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(())) // as a Router is
    }

    fn call(&mut self, request: Request) -> Self::Future {
        self.routes.call(self.paths.rewrite(request))
    }
}

/// Puts the HTTP interface together.
pub fn api(app: &Arc<App>, options: RouterOptions) -> Api {
    let with_cookie = app.parts.options.cookie_domain.is_some();
    let with_state = |routes: Router<Arc<App>>| {
        routes.method_not_allowed_fallback(async || Problem::method_not_allowed()).with_state(Arc::clone(app))
    };
    let (pages, paths) = for_pages();
    // 1. the id in all that follows, and headers of every answer
    let identify = request::Identify::new(app.parts.proxies.clone());
    // 2. so that every answer carries its headers
    let cors = cors::layer(options.allowed_pages, with_cookie);
    // 3. a panic is one request's 500
    let catch_panic = CatchPanicLayer::custom(internal);
    // 4. reads the body, sheds load, ends what takes too long
    let admission = from_fn_with_state(options.admission, admission::admit);
    // As one layer each: every layer of a Router has a service and a future of its own on the heap.
    let proxies = with_state(token::for_proxies()).layer((catch_panic, admission.clone()));
    let pages = with_state(pages).layer((cors, catch_panic, admission));
    Api { routes: identify.layer(pages.merge(proxies)), paths }
}

/// Paths that the document does not name.
const NOT_DESCRIBED: [&str; 2] = ["/openapi.json", token::BELOW_AUTHZ];

/// What web pages and services call, and its paths. Each handler declares its own method and path.
fn for_pages() -> (Router<Arc<App>>, KnownPaths) {
    let routes = openapi::router()
        .merge(sign_in::routes())
        .merge(token::routes())
        .merge(sessions::routes())
        .merge(users::routes());
    let described = routes.get_openapi();
    let paths = KnownPaths::new(described.paths.paths.keys().map(String::as_str).chain(NOT_DESCRIBED));
    (openapi::serve(routes).fallback(async || Problem::not_found()), paths)
}

/// The panic itself was printed by the hook; its words are not for the client.
fn internal(_: Box<dyn std::any::Any + Send>) -> axum::response::Response {
    axum::response::IntoResponse::into_response(Problem::internal())
}
