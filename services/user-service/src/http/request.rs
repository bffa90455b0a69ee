//! What identifies a request: its id, in the log, in problems and in the response, and the trace that it belongs to.

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::future::BoxFuture;
use service_kit::telemetry::log_subject::{Subject, within};
use tower::{Layer, Service};
use traces::{TRACE_PARENT, TraceParent};
use tracing::{Instrument as _, Span, field::Empty};
use uuid::Uuid;

use super::{TrustedProxies, security_headers::SecurityHeaders};

/// The header of the id, both ways.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that is taken from a client.
const LONGEST_ID: usize = 128;

/// Where ids that are no UUID live.
const INSTANCE_BASE: &str = "https://pingstack.dev/requests/";

tokio::task_local! {
    static CURRENT: Identity;
}

#[derive(Debug, Clone)]
struct Identity {
    id: RequestId,
    trace_parent: Option<TraceParent>,
}

/// One request's id: the client's or the proxy's, or a random one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct RequestId(HeaderValue);

impl RequestId {
    /// The id in the headers, if there is one and it may be logged: up to 128 letters, digits and `-_.:/+=`, which is no
    /// e-mail address.
    fn of(headers: &HeaderMap) -> Self {
        single(headers, &REQUEST_ID).filter(|id| may_be_logged(id)).cloned().map_or_else(Self::random, Self)
    }

    /// It only has to be unique, so the fast generator makes it.
    fn random() -> Self {
        let id = uuid::Builder::from_random_bytes(rand::random()).into_uuid();
        let id = HeaderValue::try_from(id.hyphenated().encode_lower(&mut Uuid::encode_buffer()) as &str);
        Self(id.unwrap_or_else(|_| HeaderValue::from_static(""))) // hexadecimal
    }

    fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default() // checked or made by us
    }

    /// As the `instance` of a problem.
    fn instance(&self) -> String {
        let id = self.as_str();
        let uuid = Uuid::try_parse(id).ok().filter(|uuid| uuid.hyphenated().to_string() == id);
        uuid.map_or_else(|| format!("{INSTANCE_BASE}{id}"), |uuid| uuid.urn().to_string())
    }
}

/// The value of a header that is there once.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

fn may_be_logged(id: &HeaderValue) -> bool {
    let id = id.as_bytes();
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(byte);
    (1..=LONGEST_ID).contains(&id.len()) && id.iter().all(allowed)
}

/// The `instance` of a problem: the id of the request that is being answered, where there is one.
pub(crate) fn instance() -> String {
    let current = CURRENT.try_with(|identity| identity.id.instance());
    current.unwrap_or_else(|_| RequestId::random().instance())
}

/// The trace that came with the request that is being answered.
pub(crate) fn trace_parent() -> Option<TraceParent> {
    CURRENT.try_with(|identity| identity.trace_parent).ok().flatten()
}

/// Gives each request its id and its span, and each response the id and what every response has. As one service and not as functions:
/// every request pays for it, and a function as middleware costs more than all that is done here.
#[derive(Debug, Clone)]
pub(crate) struct Identify {
    proxies: Arc<TrustedProxies>,
}

impl Identify {
    /// These proxies say whether a request came over TLS.
    pub(crate) fn new(proxies: TrustedProxies) -> Self {
        Self { proxies: Arc::new(proxies) }
    }
}

impl<S> Layer<S> for Identify {
    type Service = Identified<S>;

    fn layer(&self, inner: S) -> Identified<S> {
        Identified { inner, proxies: Arc::clone(&self.proxies) }
    }
}

/// The service below [`Identify`].
#[derive(Debug, Clone)]
pub(crate) struct Identified<S> {
    inner: S,
    proxies: Arc<TrustedProxies>,
}

impl<S> Service<Request> for Identified<S>
where
    S: Service<Request, Response: IntoResponse, Error = Infallible, Future: Send + 'static>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let id = RequestId::of(request.headers());
        let header = single(request.headers(), &HeaderName::from_static(TRACE_PARENT));
        let trace_parent = header.and_then(|header| TraceParent::parse(header.to_str().ok()?));
        let span = server_span(&request, &id);
        traces::follow(&span, trace_parent);
        let subject = Subject::new("request_id", Some(id.as_str().to_owned()));
        let security = SecurityHeaders::of(&request, &self.proxies);
        let is_options = request.method() == Method::OPTIONS;
        let identity = Identity { id: id.clone(), trace_parent };
        let answered = CURRENT.scope(identity, self.inner.call(request));
        Box::pin(async move {
            let Ok(response) = within(subject, answered.instrument(span.clone())).await;
            let mut response = response.into_response();
            if is_options {
                answer_options_without_content(&mut response);
            }
            record_status(&span, &response);
            security.add_to(response.headers_mut());
            response.headers_mut().insert(REQUEST_ID, id.0);
            Ok(response)
        })
    }
}

/// OPTIONS is answered 204, as by the original: the CORS layer answers each itself, with an empty 200. `/authz`, which is outside of
/// that layer, has a 200 of its own.
fn answer_options_without_content(response: &mut Response) {
    let is_of_cors = response.headers().contains_key(header::ACCESS_CONTROL_ALLOW_METHODS);
    if is_of_cors && response.status() == StatusCode::OK {
        *response.status_mut() = StatusCode::NO_CONTENT;
    }
}

/// It names the route and not the path, which may hold anything.
fn server_span(request: &Request, id: &RequestId) -> Span {
    let span = tracing::debug_span!(
        "request",
        otel.kind = "server",
        otel.name = Empty,
        otel.status_code = Empty,
        http.request.method = Empty,
        http.response.status_code = Empty,
        http.route = Empty,
        ping.request_id = id.as_str(),
    );
    if !span.is_disabled() {
        span.record("http.request.method", known_method(request));
    }
    span
}

/// Names the request's span, once the route is chosen.
pub(crate) fn record_route(request: &Request) {
    let span = Span::current();
    if span.is_disabled() {
        return;
    }
    let method = known_method(request);
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    span.record("otel.name", route.map_or_else(|| method.to_owned(), |route| format!("{method} {route}")));
    span.record("http.route", route);
}

/// A client may invent methods; their names are its own.
fn known_method(request: &Request) -> &str {
    match request.method().as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "OPTIONS" | "PATCH" | "TRACE" | "CONNECT") => {
            known
        }
        _ => "_OTHER",
    }
}

fn record_status(span: &Span, response: &Response) {
    if span.is_disabled() {
        return;
    }
    span.record("http.response.status_code", response.status().as_u16());
    if response.status().is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
}

#[cfg(test)]
mod tests {
    use axum::{
        Router,
        body::{Body, to_bytes},
        http::{HeaderMap, HeaderValue, Request},
        routing::get,
    };
    use serde_json::Value;
    use tower::ServiceExt as _;

    use super::{Identify, REQUEST_ID, RequestId, trace_parent};
    use crate::http::{TrustedProxies, problem::Problem};

    const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn headers(ids: &[&[u8]]) -> HeaderMap {
        ids.iter().map(|id| (REQUEST_ID, HeaderValue::from_bytes(id).unwrap())).collect()
    }

    async fn ask(headers: &[(&str, &str)]) -> (String, String) {
        let parent = async || trace_parent().map(|parent| parent.to_string()).unwrap_or_default();
        let router = Router::new()
            .route("/trace", get(parent))
            .fallback(async || Problem::not_found())
            .layer(Identify::new(TrustedProxies::new(Vec::new())));
        let path = if headers.iter().any(|(name, _)| *name == "traceparent") { "/trace" } else { "/nowhere" };
        let request =
            headers.iter().fold(Request::get(path), |request, (name, value)| request.header(*name, *value));
        let response = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let id = response.headers()[REQUEST_ID].to_str().unwrap().to_owned();
        let body = to_bytes(response.into_body(), 1 << 16).await.unwrap();
        (id, String::from_utf8(body.to_vec()).unwrap())
    }

    #[test]
    fn an_id_that_may_be_logged_is_taken() {
        let longest = "a".repeat(128);
        let trace = "Root=1-67891233-abcdef012345678912345678";
        for id in ["1", "7b3f-a_c.d:e/f+g=", trace, &longest] {
            assert_eq!(RequestId::of(&headers(&[id.as_bytes()])).as_str(), id);
        }
    }

    #[test]
    fn any_other_id_is_replaced_by_a_random_one() {
        let too_long = "a".repeat(129);
        let ids: [&[u8]; 7] =
            [b"", too_long.as_bytes(), b"ada@example.org", b"a b", b"a\tb", b"{\"a\":1}", "ä".as_bytes()];
        for id in ids {
            let made = RequestId::of(&headers(&[id]));
            assert!(uuid::Uuid::try_parse(made.as_str()).is_ok(), "{made:?} for {id:?}");
        }
        let two = RequestId::of(&headers(&[b"one", b"two"]));
        assert!(uuid::Uuid::try_parse(two.as_str()).is_ok(), "{two:?}");
        assert_ne!(RequestId::of(&headers(&[])), RequestId::of(&headers(&[])));
    }

    #[tokio::test]
    async fn response_and_problem_have_the_same_id() {
        let uuid = "0af76519-16cd-43dd-8448-eb211c80319c";
        let instance = |body: &str| {
            serde_json::from_str::<Value>(body).unwrap()["instance"].as_str().unwrap().to_owned()
        };
        let (id, body) = ask(&[]).await;
        assert_eq!(instance(&body), format!("urn:uuid:{id}"));
        let (id, body) = ask(&[("x-request-id", uuid)]).await;
        assert_eq!((id.as_str(), instance(&body)), (uuid, format!("urn:uuid:{uuid}")));
        let (id, body) = ask(&[("x-request-id", "from-the-proxy")]).await;
        let expected = "https://pingstack.dev/requests/from-the-proxy".to_owned();
        assert_eq!((id.as_str(), instance(&body)), ("from-the-proxy", expected));
    }

    #[tokio::test]
    async fn the_trace_of_a_request_is_known_while_it_is_answered_unless_it_is_malformed() {
        assert_eq!(ask(&[("traceparent", TRACE)]).await.1, TRACE);
        assert_eq!(ask(&[("traceparent", "ada@example.org")]).await.1, "");
        assert_eq!(ask(&[("traceparent", TRACE), ("traceparent", TRACE)]).await.1, "");
        assert_eq!(trace_parent(), None);
    }
}
