//! Hostile callers and changes of trust, against the server over real TLS.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use k8s_openapi::api::authorization::v1::SubjectAccessReviewSpec;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
};
use serde_json::Value;
use service_kit::{open_files, shutdown::Shutdown};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{MetricsApi, serve};
use crate::{
    access::{
        authorization::{Authorizer, Reviewer},
        front_proxy::FrontProxy,
    },
    certificate::{Material, Subject},
    test_authority::TestAuthority,
    test_provider::Queues,
    trust::Trust,
};

const PATH: &str =
    "/apis/external.metrics.k8s.io/v1beta1/namespaces/shop/queue_length?labelSelector=queue%3Ddemo";
const HPA: (&str, &str) = ("x-remote-user", "system:serviceaccount:kube-system:horizontal-pod-autoscaler");
const DEADLINE: Duration = Duration::from_secs(30);

/// Allows members of the group `readers`, as an API server with one binding would.
struct ReadersOnly;

impl Reviewer for ReadersOnly {
    fn review(&self, spec: SubjectAccessReviewSpec) -> BoxFuture<'_, Result<bool, kube::Error>> {
        let hpa = spec.user.as_deref() == Some(HPA.1);
        let reader = spec.groups.unwrap_or_default().iter().any(|group| group == "readers");
        Box::pin(async move { Ok(hpa || reader) })
    }
}

struct Server {
    address: SocketAddr,
    material: Material,
    queues: Queues,
    trust: watch::Sender<Option<Trust>>,
    shutdown: Shutdown,
}

type Identity = (CertificateDer<'static>, PrivateKeyDer<'static>);

impl Server {
    async fn start(front_proxy: FrontProxy) -> Self {
        let dns_names = vec!["localhost".to_owned()];
        let subject = Subject { manager: "queue-metrics".to_owned(), dns_names };
        let material = Material::make(&subject, SystemTime::now()).unwrap();
        let (trust, trusted) = watch::channel(None);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let queues = Queues::three();
        let shutdown = Shutdown::new();
        let authorizer = Authorizer::new(Arc::new(ReadersOnly));
        let api = MetricsApi { provider: Arc::new(queues.clone()), authorizer };
        shutdown.spawn("server", serve(listener, api, trusted, shutdown.clone()));
        let server = Self { address, material, queues, trust, shutdown };
        server.trust(front_proxy);
        server
    }

    fn trust(&self, front_proxy: FrontProxy) {
        let trust = Trust::new(Arc::new(front_proxy), self.material.certified_key().unwrap()).unwrap();
        self.trust.send_replace(Some(trust));
    }

    async fn tls(&self, identity: Option<Identity>) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.material.bundle().as_bytes()).unwrap()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let config = match identity {
            Some((certificate, key)) => builder.with_client_auth_cert(vec![certificate], key).unwrap(),
            None => builder.with_no_client_auth(),
        };
        let stream = TcpStream::connect(self.address).await.unwrap();
        TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
    }

    async fn connect(&self, identity: Identity) -> SendRequest<Empty<Bytes>> {
        let stream = self.tls(Some(identity)).await.unwrap();
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        self.shutdown.spawn("client", async move { drop(connection.await) });
        sender
    }

    async fn ask(&self, identity: Identity, path: &str, headers: &[(&str, &str)]) -> (StatusCode, Value) {
        send(&mut self.connect(identity).await, path, headers).await
    }

    /// Writes a request, and gives all that comes back before the connection ends.
    async fn learned(&self, identity: Option<Identity>) -> Vec<u8> {
        // With TLS 1.3 the client believes in the connection until it reads the alert.
        let Ok(mut stream) = self.tls(identity).await else { return Vec::new() };
        let request = format!(
            "GET {PATH} HTTP/1.1\r\nhost: x\r\n{}: {}\r\nx-remote-group: system:masters\r\n\r\n",
            HPA.0, HPA.1
        );
        let _ = stream.write_all(request.as_bytes()).await;
        let mut learned = Vec::new();
        let end =
            timeout(DEADLINE, stream.read_to_end(&mut learned)).await.expect("the connection does not end");
        assert!(end.is_err(), "an orderly end instead of an alert");
        learned
    }
}

async fn send(
    sender: &mut SendRequest<Empty<Bytes>>,
    path: &str,
    headers: &[(&str, &str)],
) -> (StatusCode, Value) {
    let mut request = Request::get(path).header("host", "x");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = timeout(DEADLINE, sender.send_request(request.body(Empty::new()).unwrap())).await;
    let answer = answer.expect("no answer").unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

fn authority() -> TestAuthority {
    TestAuthority::new("front proxy authority")
}

#[tokio::test]
async fn the_autoscaler_reads_the_metric_through_the_front_proxy() {
    let authority = authority();
    let server = Server::start(authority.front_proxy(&["front-proxy-client"])).await;
    let (status, body) = server.ask(authority.client("front-proxy-client"), PATH, &[HPA]).await;
    assert_eq!((status.as_u16(), &body["items"][0]["value"]), (200, &Value::from("42")), "{body}");
}

#[tokio::test]
async fn without_a_certificate_forged_headers_learn_nothing() {
    let server = Server::start(authority().front_proxy(&["front-proxy-client"])).await;
    assert_eq!(server.learned(None).await, b"");
}

#[tokio::test]
async fn a_certificate_of_another_authority_of_the_same_name_learns_nothing() {
    let server = Server::start(authority().front_proxy(&["front-proxy-client"])).await;
    assert_eq!(server.learned(Some(authority().client("front-proxy-client"))).await, b"");
}

#[tokio::test]
async fn a_certificate_of_the_authority_with_another_name_learns_nothing() {
    let authority = authority();
    let server = Server::start(authority.front_proxy(&["front-proxy-client"])).await;
    for name in ["kubelet", "front-proxy-client.evil", "FRONT-PROXY-CLIENT", ""] {
        assert_eq!(server.learned(Some(authority.client(name))).await, b"", "{name}");
    }
}

#[tokio::test]
async fn an_empty_list_of_names_allows_any_name_of_the_authority() {
    let authority = authority();
    let server = Server::start(authority.front_proxy(&[])).await;
    assert_eq!(server.ask(authority.client("anything"), PATH, &[HPA]).await.0, 200);
    assert_eq!(server.learned(Some(TestAuthority::new("x").client("anything"))).await, b"");
}

#[tokio::test]
async fn the_second_authority_of_the_bundle_is_accepted_too() {
    let old = authority();
    let new = authority();
    let mut front_proxy = old.front_proxy(&["front-proxy-client"]);
    front_proxy.authorities.extend(new.front_proxy(&[]).authorities);
    let server = Server::start(front_proxy).await;
    for authority in [&old, &new] {
        assert_eq!(server.ask(authority.client("front-proxy-client"), PATH, &[HPA]).await.0, 200);
    }
}

#[tokio::test]
async fn a_rotation_is_picked_up_and_the_old_authoritys_connections_end() {
    let old = authority();
    let new = authority();
    let server = Server::start(old.front_proxy(&["front-proxy-client"])).await;
    let mut connected = server.connect(old.client("front-proxy-client")).await;
    assert_eq!(send(&mut connected, PATH, &[HPA]).await.0, 200);
    server.trust(new.front_proxy(&["front-proxy-client"]));
    assert_eq!(server.ask(new.client("front-proxy-client"), PATH, &[HPA]).await.0, 200);
    assert_eq!(server.learned(Some(old.client("front-proxy-client"))).await, b"");
    let closed = async {
        while connected.ready().await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, closed).await.expect("the old connection is still open");
}

#[tokio::test]
async fn without_a_trust_connections_are_closed() {
    let authority = authority();
    let server = Server::start(authority.front_proxy(&[])).await;
    server.trust.send_replace(None);
    assert!(server.tls(Some(authority.client("x"))).await.is_err());
}

#[tokio::test]
async fn a_caller_that_the_api_server_does_not_allow_is_refused_before_anything_is_looked_up() {
    let authority = authority();
    let server = Server::start(authority.front_proxy(&[])).await;
    for path in [PATH, "/apis/external.metrics.k8s.io/v1beta1/namespaces/none/nothing"] {
        let (status, body) = server.ask(authority.client("x"), path, &[("x-remote-user", "eve")]).await;
        assert_eq!((status.as_u16(), &body["reason"]), (403, &Value::from("Forbidden")), "{path}");
    }
}

#[tokio::test]
async fn the_aggregator_reads_discovery_without_any_right_and_finds_no_openapi() {
    let authority = authority();
    let server = Server::start(authority.front_proxy(&[])).await;
    for path in ["/apis", "/apis/external.metrics.k8s.io", "/apis/external.metrics.k8s.io/v1beta1"] {
        let answer =
            server.ask(authority.client("x"), path, &[("x-remote-user", "system:kube-aggregator")]).await;
        assert_eq!(answer.0, 200, "{path}");
    }
    let answer =
        server.ask(authority.client("x"), "/openapi/v2", &[("x-remote-user", "system:aggregator")]).await;
    assert_eq!(answer.0, 404);
}

#[tokio::test]
async fn the_last_of_repeated_groups_counts() {
    let authority = authority();
    let server = Server::start(authority.front_proxy(&[])).await;
    let headers = [("x-remote-user", "jane"), ("x-remote-group", "others"), ("x-remote-group", "readers")];
    assert_eq!(server.ask(authority.client("x"), PATH, &headers).await.0, 200);
    assert_eq!(server.ask(authority.client("x"), PATH, &headers[..2]).await.0, 403);
}

#[tokio::test]
async fn the_front_proxy_without_a_user_is_401() {
    let authority = authority();
    let server = Server::start(authority.front_proxy(&[])).await;
    let headers = [("x-remote-group", "readers"), ("authorization", "Bearer x")];
    let (status, body) = server.ask(authority.client("x"), PATH, &headers).await;
    assert_eq!((status.as_u16(), &body["kind"]), (401, &Value::from("Status")));
}

#[tokio::test]
async fn what_has_no_sample_is_503_and_never_a_number() {
    let authority = authority();
    let server = Server::start(authority.front_proxy(&[])).await;
    server.queues.set("shop/demo", Err("it is away".to_owned()));
    let (status, body) = server.ask(authority.client("x"), PATH, &[HPA]).await;
    assert_eq!((status.as_u16(), &body["reason"]), (503, &Value::from("ServiceUnavailable")));
    assert_eq!(body.get("items"), None);
}

#[tokio::test]
async fn writing_is_405() {
    let authority = authority();
    let server = Server::start(authority.front_proxy(&[])).await;
    let mut sender = server.connect(authority.client("x")).await;
    for method in ["POST", "DELETE", "PATCH"] {
        let request = Request::builder().method(method).uri(PATH).header(HPA.0, HPA.1).header("host", "x");
        let answer = sender.send_request(request.body(Empty::new()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), 405, "{method}");
        answer.into_body().collect().await.unwrap();
    }
}

/// The beginning of a TLS record with a `ClientHello` that never comes whole.
const HALF_A_HANDSHAKE: &[u8] = b"\x16\x03\x01\x02\x00\x01";

async fn strangers(address: SocketAddr, count: usize, octets: &[u8]) -> Vec<TcpStream> {
    let mut streams = Vec::with_capacity(count);
    for _ in 0..count {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(octets).await.unwrap();
        streams.push(stream);
    }
    streams
}

#[tokio::test]
async fn silent_connections_and_half_handshakes_keep_no_number_from_the_autoscaler() {
    open_files::raise_limit();
    let authority = authority();
    let server = Server::start(authority.front_proxy(&[])).await;
    let mut kept = server.connect(authority.client("x")).await;
    assert_eq!(send(&mut kept, PATH, &[HPA]).await.0, 200);
    let _silent = strangers(server.address, 5000, b"").await;
    let _half = strangers(server.address, 1000, HALF_A_HANDSHAKE).await;
    assert_eq!(server.ask(authority.client("x"), PATH, &[HPA]).await.0, 200, "a new connection");
    assert_eq!(send(&mut kept, PATH, &[HPA]).await.0, 200, "a connection from before");
}
