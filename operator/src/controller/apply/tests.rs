//! Against an API server in memory: what is written, what is left alone, in which order.

use std::sync::Arc;

use http::{Method, StatusCode};
use kube::core::DeserializeGuard;
use serde_json::{Value, json};

use super::{Error, Outcome, apply};
use crate::{
    children::{Children, Watches},
    controller::{
        Context,
        build::build,
        dereference::{self, References},
        entropy::Entropy,
        reconcile,
        validate::{stack_id, validate},
    },
    crd::PingStack,
    fake_api::{FakeApi, Sent},
    fixtures::{self, MINIMAL},
    names::OWN_SELECTOR,
};

const SECRETS: &str = "/api/v1/namespaces/team/secrets";
const CONFIG_MAPS: &str = "/api/v1/namespaces/team/configmaps";
const PODS: &str = "/api/v1/namespaces/team/pods";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/team/deployments";

fn stack() -> PingStack {
    let mut stack = fixtures::stack(MINIMAL);
    stack.spec.smtp.test_recipient = Some("ada@example.org".to_owned());
    stack
}

/// The first four steps.
async fn pass(context: &Context) -> Result<Outcome, Error> {
    let stack = stack();
    let id = stack_id(&stack).unwrap();
    let own = dereference::dereference(context, &stack, &id).await.unwrap();
    let references = References { own_secrets: own.own_secrets, ..fixtures::references() };
    let validated = validate(&stack, references).unwrap();
    let plan = build(&validated, &context.platform, &Entropy::random()).unwrap();
    Box::pin(apply(context, &id, plan)).await
}

/// The same by an operator that has just started, with caches that hold what is there.
async fn pass_anew(api: &FakeApi) -> Result<Outcome, Error> {
    Box::pin(pass(&fixtures::context(api))).await
}

fn writes(api: &FakeApi, part: &str) -> Vec<Sent> {
    api.take_requests(part).into_iter().filter(|sent| sent.method != Method::GET).collect()
}

/// An object with our label and this owner.
fn child(kind: &str, name: &str, owner: Option<&str>) -> Value {
    let owners = owner.map(|uid| {
        json!([{ "apiVersion": "pingstack.dev/v1alpha1", "kind": "PingStack", "name": "demo", "uid": uid }])
    });
    json!({ "apiVersion": "v1", "kind": kind, "metadata": {
        "name": name, "namespace": "team", "ownerReferences": owners,
        "labels": { "app.kubernetes.io/managed-by": "ping-operator" },
    } })
}

#[tokio::test]
async fn an_object_of_somebody_else_is_left_untouched_and_named() {
    let (api, service) = (FakeApi::default(), "/api/v1/namespaces/team/services/demo-redis");
    api.put(service, child("Service", "demo-redis", None));
    let another = format!("{CONFIG_MAPS}/demo-rabbitmq");
    api.put(&another, child("ConfigMap", "demo-rabbitmq", Some("another stack")));
    let before = (api.get(service), api.get(&another));
    let outcome = pass_anew(&api).await.unwrap();
    assert_eq!(outcome.conflicts, ["ConfigMap demo-rabbitmq", "Service demo-redis"]);
    assert_eq!((api.get(service), api.get(&another)), before);
}

#[tokio::test]
async fn a_secret_of_somebody_else_is_left_untouched_and_named() {
    let (api, path) = (FakeApi::default(), format!("{SECRETS}/demo-redis"));
    api.put(&path, child("Secret", "demo-redis", None));
    let before = api.get(&path);
    assert_eq!(pass_anew(&api).await.unwrap().conflicts, ["Secret demo-redis"]);
    assert_eq!(api.get(&path), before);
}

#[tokio::test]
async fn an_object_that_was_made_anew_by_somebody_between_look_and_apply_is_not_seized() {
    let (api, path) = (FakeApi::default(), format!("{CONFIG_MAPS}/demo-redis"));
    pass_anew(&api).await.unwrap();
    let context = fixtures::context(&api);
    let mut theirs = child("ConfigMap", "demo-redis", None);
    theirs["metadata"]["uid"] = json!("theirs");
    api.remove(&path);
    api.put(&path, theirs);
    assert!(matches!(pass(&context).await, Err(Error::Apply { kind: "ConfigMap", .. })));
    assert_eq!(api.get(&path).unwrap()["metadata"]["uid"], "theirs");
}

#[tokio::test]
async fn what_nobody_needs_any_more_goes_if_it_is_ours_by_label_and_by_owner() {
    let api = FakeApi::default();
    api.put(&format!("{CONFIG_MAPS}/demo-old"), child("ConfigMap", "demo-old", Some("0b5ec0de")));
    api.put(&format!("{CONFIG_MAPS}/theirs"), child("ConfigMap", "theirs", Some("another stack")));
    api.put(&format!("{CONFIG_MAPS}/nobodys"), child("ConfigMap", "nobodys", None));
    let uid = api.get(&format!("{CONFIG_MAPS}/demo-old")).unwrap()["metadata"]["uid"].clone();
    pass_anew(&api).await.unwrap();
    let requests = api.take_requests("");
    let deleted = requests.iter().filter(|sent| sent.method == Method::DELETE).collect::<Vec<_>>();
    assert_eq!(deleted.len(), 1, "{deleted:?}");
    assert_eq!(deleted[0].path, format!("{CONFIG_MAPS}/demo-old"));
    assert_eq!(deleted[0].body["preconditions"]["uid"], uid);
}

/// What has not our label is in no cache, and so never an orphan.
#[tokio::test]
async fn only_what_has_our_label_is_watched() {
    let (api, shutdown) = (FakeApi::default(), service_kit::shutdown::Shutdown::new());
    let (client, metrics) = (api.client(), fixtures::metrics());
    let watches =
        Watches { client: &client, namespace: Some("team"), shutdown: &shutdown, metrics: &metrics };
    let (touched, _receiver) = futures::channel::mpsc::unbounded();
    assert!(Children::watch(&watches, &touched).filled().await);
    let lists = api.take_requests("");
    assert_eq!(lists.len(), 12, "{lists:?}");
    let selector = format!("labelSelector={}", OWN_SELECTOR.replace('/', "%2F").replace('=', "%3D"));
    assert!(lists.iter().all(|sent| sent.query.contains(&selector)), "{lists:?}");
}

#[tokio::test]
async fn secrets_are_made_once_and_never_applied_over() {
    let api = FakeApi::default();
    pass_anew(&api).await.unwrap();
    let made = writes(&api, SECRETS);
    assert_eq!(made.len(), 4);
    assert!(made.iter().all(|sent| sent.method == Method::POST), "{made:?}");
    let password = api.get(&format!("{SECRETS}/demo-redis")).unwrap()["data"].clone();
    pass_anew(&api).await.unwrap();
    assert_eq!(writes(&api, SECRETS), []);
    assert_eq!(api.get(&format!("{SECRETS}/demo-redis")).unwrap()["data"], password);
}

#[tokio::test]
async fn a_secret_that_the_cache_has_not_seen_yet_is_read_again_and_kept() {
    let api = FakeApi::default();
    let behind = fixtures::context(&api);
    pass_anew(&api).await.unwrap();
    let made = api.get(&format!("{SECRETS}/demo-redis"));
    assert!(matches!(pass(&behind).await, Err(Error::Exists { kind: "Secret", .. })));
    assert_eq!(api.get(&format!("{SECRETS}/demo-redis")), made);
}

#[tokio::test]
async fn a_test_mail_is_asked_for_once_and_never_applied_over() {
    let api = FakeApi::default();
    pass_anew(&api).await.unwrap();
    let made = writes(&api, "/jobs");
    assert_eq!(made.iter().map(|sent| &sent.method).collect::<Vec<_>>(), [Method::POST]);
    let outcome = pass_anew(&api).await.unwrap();
    assert_eq!(writes(&api, "/jobs"), []);
    assert!(outcome.test_mail.is_some());
}

#[tokio::test]
async fn nothing_is_written_where_nothing_changed() {
    let api = FakeApi::default();
    pass_anew(&api).await.unwrap();
    // Whoever has the number of pods is told by the API server, which this one does not do.
    hand_over_done(&api);
    let mut context = fixtures::context(&api);
    pass(&context).await.unwrap();
    context.children = Children::holding(&api.objects());
    api.take_requests("");
    pass(&context).await.unwrap();
    assert_eq!(api.take_requests(""), []);
}

fn managed_by(api: &FakeApi, manager: &str, replicas: i32) {
    let path = format!("{DEPLOYMENTS}/demo-mail-service");
    let mut live = api.get(&path).unwrap();
    live["spec"]["replicas"] = json!(replicas);
    live["metadata"]["managedFields"] =
        json!([{ "manager": manager, "operation": "Apply", "fieldsV1": { "f:spec": { "f:replicas": {} } } }]);
    api.put(&path, live);
}

fn hand_over_done(api: &FakeApi) {
    managed_by(api, "kube-controller-manager", 1);
}

fn of_mail_service(api: &FakeApi) -> Vec<(String, Value)> {
    let sent = writes(api, "/deployments/demo-mail-service");
    let manager = |sent: &Sent| {
        sent.query.split('&').find_map(|pair| pair.strip_prefix("fieldManager=")).map(str::to_owned)
    };
    sent.iter().map(|sent| (manager(sent).unwrap(), sent.body["spec"]["replicas"].clone())).collect()
}

#[tokio::test]
async fn the_number_of_consumers_leaves_the_applied_object_only_after_somebody_else_holds_it() {
    let api = FakeApi::default();
    pass_anew(&api).await.unwrap();
    assert_eq!(of_mail_service(&api), [("ping-operator".to_owned(), json!(1))]);
    managed_by(&api, "ping-operator", 7);
    pass_anew(&api).await.unwrap();
    let steps = [("ping-operator-replicas".to_owned(), json!(7)), ("ping-operator".to_owned(), Value::Null)];
    assert_eq!(of_mail_service(&api), steps);
    hand_over_done(&api);
    pass_anew(&api).await.unwrap();
    assert_eq!(of_mail_service(&api), [("ping-operator".to_owned(), Value::Null)]);
}

#[tokio::test]
async fn a_hand_over_that_fails_keeps_the_number_where_it_is() {
    let api = FakeApi::default();
    pass_anew(&api).await.unwrap();
    managed_by(&api, "ping-operator", 7);
    api.take_requests("");
    api.fail(Method::PATCH, "/deployments/demo-mail-service", StatusCode::INTERNAL_SERVER_ERROR);
    assert!(matches!(pass_anew(&api).await, Err(Error::Apply { kind: "Deployment", .. })));
    let tried = of_mail_service(&api).into_iter().map(|(manager, _)| manager).collect::<Vec<_>>();
    assert!(tried.iter().all(|manager| manager == "ping-operator-replicas"), "{tried:?}");
    assert_eq!(api.get(&format!("{DEPLOYMENTS}/demo-mail-service")).unwrap()["spec"]["replicas"], 7);
}

/// A Redis whose controller waits for a pod of an old template that nothing can schedule.
fn blocked_redis(api: &FakeApi) {
    let path = "/apis/apps/v1/namespaces/team/statefulsets/demo-redis";
    let mut set = api.get(path).unwrap();
    set["metadata"]["generation"] = json!(2);
    set["status"] = json!({
        "replicas": 1, "updatedReplicas": 0, "observedGeneration": 2,
        "currentRevision": "new", "updateRevision": "new",
    });
    let uid = set["metadata"]["uid"].clone();
    api.put(path, set);
    let owner = json!([{ "apiVersion": "apps/v1", "kind": "StatefulSet", "name": "demo-redis", "uid": uid }]);
    let labels = json!({
        "pingstack.dev/stack": "demo", "pingstack.dev/part": "redis", "controller-revision-hash": "old",
    });
    api.put(&format!("{PODS}/demo-redis-0"), json!({
        "apiVersion": "v1", "kind": "Pod", "status": { "phase": "Pending" },
        "metadata": { "name": "demo-redis-0", "namespace": "team", "labels": labels, "ownerReferences": owner },
    }));
}

#[tokio::test]
async fn a_pod_that_blocks_the_rollout_of_a_corrected_setting_is_deleted() {
    let api = FakeApi::default();
    pass_anew(&api).await.unwrap();
    blocked_redis(&api);
    api.take_requests("");
    pass_anew(&api).await.unwrap();
    let sent = writes(&api, PODS);
    let deleted = sent.iter().map(|sent| (&sent.method, sent.path.as_str())).collect::<Vec<_>>();
    assert_eq!(deleted, [(&Method::DELETE, format!("{PODS}/demo-redis-0").as_str())]);
}

#[tokio::test]
async fn nothing_of_a_paused_stack_is_deleted() {
    let api = FakeApi::default();
    pass_anew(&api).await.unwrap();
    blocked_redis(&api);
    let mut stack = stack();
    stack.spec.paused = true;
    api.put(
        "/apis/pingstack.dev/v1alpha1/namespaces/team/pingstacks/demo",
        serde_json::to_value(&stack).unwrap(),
    );
    api.take_requests("");
    let (stored, context) = (Arc::new(DeserializeGuard(Ok(stack))), Arc::new(fixtures::context(&api)));
    Box::pin(reconcile(stored, context)).await.unwrap();
    let sent = api.take_requests("");
    assert!(
        sent.iter().any(|sent| sent.path.ends_with("/pingstacks/demo/status")),
        "it was reconciled: {sent:?}"
    );
    assert!(sent.iter().all(|sent| sent.method != Method::DELETE), "{sent:?}");
}
