//! A real OpenTelemetry Collector, and what it has understood.

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    path::Path,
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{Router, extract::State, routing::post};
use serde_json::Value;
use test_kit::{port::free_port, wait::wait_until};
use tokio::{
    net::TcpStream,
    process::{Child, Command},
};

use super::DEADLINE;

/// The collector's process, which passes everything on to this one. Ends when dropped.
pub(super) struct Collector {
    port: u16,
    received: Received,
    _process: Child,
}

/// Bodies as the collector sent them: JSON.
type Received = Arc<Mutex<Vec<String>>>;

/// One span, as OTLP has it.
#[derive(Debug)]
pub(super) struct Span {
    pub(super) service: String,
    pub(super) name: String,
    pub(super) trace: String,
    pub(super) id: String,
    pub(super) parent: String,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) events: usize,
}

impl Collector {
    /// Builds it if necessary, and waits until it listens.
    pub(super) async fn start() -> Self {
        let received = Received::default();
        let target = receive(received.clone()).await;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dev/tool");
        let built = Command::new(script).arg("otel-collector").output().await;
        let built = built.expect("dev/tool does not start");
        let errors = String::from_utf8_lossy(&built.stderr);
        assert!(built.status.success(), "the collector was not built: {errors}");
        let program = String::from_utf8_lossy(&built.stdout).trim().to_owned();
        let port = free_port();
        let process = Command::new(program)
            .arg(format!("--config=yaml:{}", configuration(port, target)))
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("the collector does not start");
        wait_until("the collector to listen", DEADLINE, || async {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_ok()
        })
        .await;
        Self { port, received, _process: process }
    }

    pub(super) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Everything it has understood, as text.
    pub(super) fn text(&self) -> String {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).join("\n")
    }

    pub(super) fn spans(&self) -> Vec<Span> {
        let text = self.text();
        let exports = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("no JSON"));
        exports
            .flat_map(|export| {
                array(&export["resourceSpans"]).iter().flat_map(of_resource).collect::<Vec<_>>()
            })
            .collect()
    }
}

/// Keeps the bodies of requests; where it listens.
async fn receive(received: Received) -> u16 {
    async fn keep(State(received): State<Received>, body: String) {
        received.lock().unwrap_or_else(PoisonError::into_inner).push(body);
    }
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("no port");
    let port = listener.local_addr().expect("no address").port();
    let router = Router::new().route("/v1/traces", post(keep)).with_state(received);
    #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
    tokio::spawn(async move { axum::serve(listener, router).await });
    port
}

fn configuration(port: u16, target: u16) -> String {
    serde_json::json!({
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": format!("127.0.0.1:{port}")}}}},
        "exporters": {"otlp_http": {
            "endpoint": format!("http://127.0.0.1:{target}"), "encoding": "json", "compression": "none",
            "sending_queue": {"enabled": false},
        }},
        "service": {
            "telemetry": {"metrics": {"level": "none"}, "logs": {"level": "error"}},
            "pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["otlp_http"]}},
        },
    })
    .to_string()
}

fn of_resource(resource: &Value) -> Vec<Span> {
    let service = attributes(&resource["resource"])["service.name"].clone();
    let spans = array(&resource["scopeSpans"]).iter().flat_map(|scope| array(&scope["spans"]));
    spans.map(|span| to_span(&service, span)).collect()
}

fn to_span(service: &str, span: &Value) -> Span {
    let text = |name: &str| span[name].as_str().unwrap_or_default().to_owned();
    Span {
        service: service.to_owned(),
        name: text("name"),
        trace: text("traceId"),
        id: text("spanId"),
        parent: text("parentSpanId"),
        attributes: attributes(span),
        events: array(&span["events"]).len(),
    }
}

fn attributes(of: &Value) -> BTreeMap<String, String> {
    let pair = |attribute: &Value| {
        let value = attribute["value"].as_object()?.values().next()?;
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Some((attribute["key"].as_str()?.to_owned(), value))
    };
    array(&of["attributes"]).iter().filter_map(pair).collect()
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
