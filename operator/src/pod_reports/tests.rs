use std::{collections::BTreeMap, sync::Mutex, time::Duration};

use bytes::Bytes;
use futures::{StreamExt as _, channel::mpsc::UnboundedReceiver};
use http::{Response, StatusCode};
use http_body_util::Full;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{net::TcpListener, time::timeout};

use super::*;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A pod's management port on this machine: what it answers can be replaced.
#[derive(Clone)]
struct FakePod(Arc<Mutex<(StatusCode, String)>>);

impl FakePod {
    async fn start(shutdown: &Shutdown) -> (Self, u16) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let pod = Self(Arc::new(Mutex::new((StatusCode::NOT_FOUND, String::new()))));
        let answering = pod.clone();
        shutdown.spawn("fake pod", async move {
            while let Ok((stream, _)) = listener.accept().await {
                let answering = answering.clone();
                let service = service_fn(move |request: http::Request<_>| {
                    assert_eq!(request.uri(), "/readyz?verbose");
                    let (status, body) = answering.0.lock().unwrap().clone();
                    let response =
                        Response::builder().status(status).header("location", "http://127.0.0.1:1/");
                    let response = response.body(Full::new(Bytes::from(body))).unwrap();
                    async move { Ok::<_, std::convert::Infallible>(response) }
                });
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            }
        });
        (pod, port)
    }

    fn answers(&self, status: StatusCode, body: &Value) {
        *self.0.lock().unwrap() = (status, body.to_string());
    }

    fn reports(&self, smtp: &Value) {
        self.answers(StatusCode::OK, &json!({ "ready": true, "checks": [smtp] }));
    }
}

fn usable() -> Value {
    json!({ "name": "smtp", "usable": true, "since": "2026-11-01T10:00:00Z" })
}

fn unusable() -> Value {
    json!({
        "name": "smtp", "usable": false, "since": "2026-11-01T10:00:00Z",
        "reason": "SmtpHostNotFound", "message": "It has no address.",
    })
}

fn pod(name: &str, phase: &str, ready: bool) -> Value {
    let ready = if ready { "True" } else { "False" };
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name, "namespace": "team", "uid": name,
            "labels": { "pingstack.dev/stack": "demo", "pingstack.dev/part": "mail-service" },
        },
        "status": { "phase": phase, "podIP": "127.0.0.1", "conditions": [{ "type": "Ready", "status": ready }] },
    })
}

fn id() -> StackId {
    StackId { namespace: "team".to_owned(), name: "demo".to_owned(), uid: "1".to_owned() }
}

struct Rig {
    reports: PodReports,
    touched: UnboundedReceiver<ObjectRef<StoredStack>>,
}

fn rig(pods: &[Value], port: u16, shutdown: &Shutdown) -> Rig {
    let (sender, touched) = futures::channel::mpsc::unbounded();
    let reader = Reader::new(BTreeMap::from([(Part::MailService, port)]));
    Rig { reports: PodReports::new(Pods::holding(pods), reader, sender, shutdown.clone()), touched }
}

async fn said(reports: &PodReports) -> Vec<Said> {
    let reports = timeout(PATIENCE, reports.of(&id())).await.expect("no reports");
    reports.mail_service.into_iter().map(|pod| pod.said).collect()
}

#[tokio::test]
async fn pods_that_run_are_asked_and_others_are_not() {
    let shutdown = Shutdown::new();
    let (fake, port) = FakePod::start(&shutdown).await;
    fake.reports(&unusable());
    let rig = rig(&[pod("a", "Running", true), pod("b", "Pending", false)], port, &shutdown);
    let reports = rig.reports.of(&id()).await;
    let [found] = reports.mail_service.as_slice() else { panic!("{reports:?}") };
    let Said::Report(report) = &found.said else { panic!("{found:?}") };
    assert_eq!((found.pod.as_str(), found.ready), ("a", true));
    assert_eq!(report.troubles().next().unwrap().1.reason, "SmtpHostNotFound");
    assert!(reports.user_service.is_empty());
}

#[tokio::test]
async fn a_pod_that_is_not_ready_reports_too() {
    let shutdown = Shutdown::new();
    let (fake, port) = FakePod::start(&shutdown).await;
    fake.answers(StatusCode::SERVICE_UNAVAILABLE, &json!({ "ready": false, "checks": [unusable()] }));
    let rig = rig(&[pod("a", "Running", false)], port, &shutdown);
    assert!(matches!(said(&rig.reports).await.as_slice(), [Said::Report(_)]));
}

#[tokio::test]
async fn an_older_image_another_program_and_a_redirect_are_no_reports() {
    let shutdown = Shutdown::new();
    let (fake, port) = FakePod::start(&shutdown).await;
    for (status, body) in [
        (StatusCode::NOT_FOUND, json!("not found")),
        (StatusCode::OK, json!("ready")),
        (StatusCode::OK, json!({ "ready": true, "checks": [usable()], "padding": " ".repeat(9_000) })),
        (StatusCode::TEMPORARY_REDIRECT, json!({ "ready": true, "checks": [usable()] })),
    ] {
        fake.answers(status, &body);
        let rig = rig(&[pod("a", "Running", true)], port, &shutdown);
        assert_eq!(said(&rig.reports).await, [Said::Nothing], "{status}");
    }
}

#[tokio::test]
async fn a_pod_that_accepts_and_never_answers_is_silent_after_two_seconds() {
    let shutdown = Shutdown::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let rig = rig(&[pod("a", "Running", true)], listener.local_addr().unwrap().port(), &shutdown);
    assert!(matches!(said(&rig.reports).await.as_slice(), [Said::Silent(_)]));
}

#[tokio::test]
async fn a_reconcile_asks_a_pod_once_and_again_when_it_has_become_ready() {
    let shutdown = Shutdown::new();
    let (fake, port) = FakePod::start(&shutdown).await;
    fake.reports(&unusable());
    let mut rig = rig(&[pod("a", "Running", false)], port, &shutdown);
    let before = said(&rig.reports).await;
    fake.reports(&usable());
    assert_eq!(said(&rig.reports).await, before, "it was asked a second time");
    rig.reports.pods = Pods::holding(&[pod("a", "Running", true)]);
    assert_ne!(said(&rig.reports).await, before);
}

#[tokio::test]
async fn a_change_has_the_stack_reconciled_and_the_same_again_does_not() {
    let shutdown = Shutdown::new();
    let (fake, port) = FakePod::start(&shutdown).await;
    fake.reports(&usable());
    let mut rig = rig(&[pod("a", "Running", true)], port, &shutdown);
    let first = rig.reports.of(&id()).await;
    let round = async |reports: &PodReports| {
        reports.ask(&id(), |_, _, _| true).await;
        reports.update(&id())
    };
    assert_eq!(round(&rig.reports).await, (first.clone(), false));
    fake.reports(&unusable());
    assert!(round(&rig.reports).await.1);
    assert!(!round(&rig.reports).await.1);
    fake.reports(&usable());
    let touched = timeout(PATIENCE, rig.touched.next()).await.expect("no reconcile after a change");
    assert_eq!(touched.unwrap(), ObjectRef::new("demo").within("team"));
}

#[tokio::test]
async fn a_stack_that_is_gone_is_asked_no_more() {
    let shutdown = Shutdown::new();
    let rig = rig(&[], 1, &shutdown);
    rig.reports.of(&id()).await;
    rig.reports.forget("1");
    assert!(rig.reports.stacks().is_empty());
    shutdown.trigger();
    let finish = timeout(PATIENCE, shutdown.finish(PATIENCE)).await.expect("a task goes on");
    assert_eq!(finish, service_kit::shutdown::Finish::Clean);
}
