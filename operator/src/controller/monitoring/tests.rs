use std::sync::{Arc, Mutex};

use http::{Method, Request, Response, StatusCode};
use kube::{Client, client::Body};
use serde_json::{Value, json};

use super::{KnownAbsent, reconcile};
use crate::{
    conditions::Finding,
    controller::{build, validate::validate},
    fixtures::{self, FULL},
    names::StackId,
};

type Calls = Arc<Mutex<Vec<String>>>;

/// An API server that answers as `answer` says, and what it was asked: `PATCH servicemonitors`.
fn api_server(answer: impl Fn(&Method, &str) -> (u16, Value) + Send + Sync + 'static) -> (Client, Calls) {
    let calls = Calls::default();
    let answer = Arc::new(answer);
    let noted = Arc::clone(&calls);
    let service = tower::service_fn(move |request: Request<Body>| {
        let plural = request.uri().path().split('/').nth(6).unwrap_or_default().to_owned();
        noted.lock().unwrap().push(format!("{} {plural}", request.method()));
        let (code, body) = answer(request.method(), &plural);
        let response = Response::builder().status(StatusCode::from_u16(code).unwrap());
        let response = response.body(Body::from(serde_json::to_vec(&body).unwrap())).unwrap();
        async move { Ok::<_, std::convert::Infallible>(response) }
    });
    (Client::new(service, "team"), calls)
}

fn status(code: u16) -> (u16, Value) {
    (code, json!({ "kind": "Status", "status": "Failure", "message": "no", "reason": "No", "code": code }))
}

/// No such object, of a kind that there is.
fn not_found() -> (u16, Value) {
    (
        404,
        json!({ "kind": "Status", "status": "Failure", "message": "no", "reason": "NotFound", "code": 404 }),
    )
}

fn object(owner: &str) -> (u16, Value) {
    let owner = json!({ "apiVersion": "v1", "kind": "PingStack", "name": "full", "uid": owner });
    let metadata = json!({ "name": "full", "uid": "7", "ownerReferences": [owner] });
    (200, json!({ "apiVersion": "monitoring.coreos.com/v1", "kind": "X", "metadata": metadata }))
}

fn id() -> StackId {
    StackId { namespace: "team".to_owned(), name: "full".to_owned(), uid: "0b5ec0de".to_owned() }
}

async fn told(client: &Client, absent: &KnownAbsent, wanted: bool) -> Option<Finding> {
    let mut stack = fixtures::stack(FULL);
    stack.spec.monitoring.service_monitor = wanted;
    stack.spec.monitoring.prometheus_rule = wanted;
    let validated = validate(&stack, fixtures::references()).unwrap();
    let plan = build::build(&validated, &fixtures::platform(), &fixtures::entropy()).unwrap();
    reconcile(client, absent, &id(), &plan.monitoring).await
}

#[tokio::test]
async fn what_is_wanted_is_made() {
    let (client, calls) = api_server(|method, _| match *method {
        Method::GET => not_found(),
        _ => object("0b5ec0de"),
    });
    let finding = told(&client, &KnownAbsent::default(), true).await.unwrap();
    assert_eq!((finding.status, finding.reason.as_str()), ("True", "Applied"));
    assert_eq!(
        *calls.lock().unwrap(),
        ["GET servicemonitors", "PATCH servicemonitors", "GET prometheusrules", "PATCH prometheusrules"]
    );
}

#[tokio::test]
async fn a_cluster_without_the_prometheus_operator_gets_advice() {
    let (client, _) = api_server(|_, _| status(404));
    let finding = told(&client, &KnownAbsent::default(), true).await.unwrap();
    assert_eq!((finding.status, finding.reason.as_str()), ("False", "PrometheusOperatorMissing"));
    assert!(finding.message.contains("install the Prometheus operator"), "{}", finding.message);
    assert!(finding.message.ends_with("set spec.monitoring.serviceMonitor to false"), "{}", finding.message);
}

#[tokio::test]
async fn what_the_operator_may_not_do_is_the_charts_affair() {
    let (client, _) = api_server(|_, _| status(403));
    let finding = told(&client, &KnownAbsent::default(), true).await.unwrap();
    assert_eq!(finding.reason, "Forbidden");
}

#[tokio::test]
async fn somebody_elses_is_left_alone() {
    let (client, calls) = api_server(|_, _| object("another"));
    let finding = told(&client, &KnownAbsent::default(), true).await.unwrap();
    assert_eq!(finding.reason, "NameConflict");
    assert_eq!(told(&client, &KnownAbsent::default(), false).await, None);
    assert!(calls.lock().unwrap().iter().all(|call| call.starts_with("GET ")));
}

#[tokio::test]
async fn what_is_no_longer_wanted_goes_and_is_then_asked_for_no_more() {
    let gone = Arc::new(Mutex::new(false));
    let state = Arc::clone(&gone);
    let (client, calls) = api_server(move |method, _| match *method {
        Method::GET if *state.lock().unwrap() => not_found(),
        _ => object("0b5ec0de"),
    });
    let absent = KnownAbsent::default();
    assert_eq!(told(&client, &absent, false).await, None);
    let deletions =
        |calls: &Calls| calls.lock().unwrap().iter().filter(|call| call.starts_with("DELETE")).count();
    assert_eq!(deletions(&calls), 2);
    *gone.lock().unwrap() = true;
    told(&client, &absent, false).await;
    let asked = calls.lock().unwrap().len();
    told(&client, &absent, false).await;
    assert_eq!(calls.lock().unwrap().len(), asked, "known to be absent");
    absent.forget(&id().uid);
    told(&client, &absent, false).await;
    assert_eq!(calls.lock().unwrap().len(), asked + 2);
}
