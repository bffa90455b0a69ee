//! Against an API server in memory: what is written, what is left alone, in which order.

use std::sync::Arc;

use http::Method;
use kube::core::DeserializeGuard;
use pingstack_crd::PingStack;
use serde_json::{Value, json};
use test_kit::fake_api::{FakeApi, Sent};

use super::{Error, Outcome, apply};
use crate::{
    controller::{
        Context,
        build::build,
        dereference::{self, References},
        entropy::Entropy,
        reconcile,
        validate::validate,
    },
    fixtures::{self, MINIMAL},
    names::{OWN_SELECTOR, StackId},
    watches::{Children, Watches},
};

mod handover;
mod pull_secret;

use handover::hand_over_done;

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
    Box::pin(pass_of(context, &stack())).await
}

/// The first four steps for this stack.
pub(super) async fn pass_of(context: &Context, stack: &PingStack) -> Result<Outcome, Error> {
    let id = StackId::of(&stack.metadata).unwrap();
    let own = dereference::dereference(context, stack, &id).await.unwrap();
    let References { own_secrets, pull_secret, .. } = own;
    let references = References { own_secrets, pull_secret, ..fixtures::references() };
    let validated = validate(stack, references).unwrap();
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
        json!([{ "apiVersion": "pingstack.dev/v1beta1", "kind": "PingStack", "name": "demo", "uid": uid }])
    });
    json!({ "apiVersion": "v1", "kind": kind, "metadata": {
        "name": name, "namespace": "team", "ownerReferences": owners,
        "labels": { "app.kubernetes.io/managed-by": "ping-operator" },
    } })
}

#[tokio::test]
async fn an_object_of_somebody_else_is_left_untouched_and_named() {
    let api = FakeApi::default();
    let service = "/api/v1/namespaces/team/services/demo-redis";
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
    let api = FakeApi::default();
    let path = format!("{SECRETS}/demo-redis");
    api.put(&path, child("Secret", "demo-redis", None));
    let before = api.get(&path);
    assert_eq!(pass_anew(&api).await.unwrap().conflicts, ["Secret demo-redis"]);
    assert_eq!(api.get(&path), before);
}

#[tokio::test]
async fn an_object_that_was_made_anew_by_somebody_between_look_and_apply_is_not_seized() {
    let api = FakeApi::default();
    let path = format!("{CONFIG_MAPS}/demo-redis");
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
    let api = FakeApi::default();
    let shutdown = service_kit::shutdown::Shutdown::new();
    let client = api.client();
    let metrics = fixtures::metrics();
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
    assert_eq!(made.len(), 5);
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

/// Runs passes, each with caches that hold what has our label by then, until one succeeds.
async fn settle(api: &FakeApi) -> Outcome {
    for _ in 0..7 {
        match pass_anew(api).await {
            Ok(outcome) => return outcome,
            Err(error) => assert!(error.is_race(), "{error}"),
        }
    }
    panic!("it never settled")
}

fn edit(api: &FakeApi, path: &str, edit: impl Fn(&mut Value)) {
    let mut object = api.get(path).unwrap();
    edit(&mut object["metadata"]);
    api.put(path, object);
}

fn secrets(api: &FakeApi) -> Vec<(String, Value)> {
    let secrets = api.objects().into_iter().filter(|object| object["kind"] == "Secret");
    secrets.map(|secret| (secret["metadata"]["name"].to_string(), secret["data"].clone())).collect()
}

#[tokio::test]
async fn a_secret_that_lost_its_labels_has_them_again_and_keeps_its_values() {
    let api = FakeApi::default();
    pass_anew(&api).await.unwrap();
    let before = secrets(&api);
    for name in ["demo-redis", "demo-rabbitmq", "demo-user-service", "demo-broker-users-a", "demo-user-ids"] {
        let path = format!("{SECRETS}/{name}");
        let labels = api.get(&path).unwrap()["metadata"]["labels"].clone();
        edit(&api, &path, |metadata| {
            let labels = metadata["labels"].as_object_mut().unwrap();
            labels.remove("app.kubernetes.io/managed-by");
            labels.insert("theirs".to_owned(), json!("stays"));
            metadata["managedFields"] = json!([{ "manager": "ping-operator", "operation": "Update" }]);
        });
        let outcome = settle(&api).await;
        assert!(outcome.conflicts.is_empty(), "{name}: {:?}", outcome.conflicts);
        let after = api.get(&path).unwrap()["metadata"]["labels"].clone();
        assert!(labels.as_object().unwrap().iter().all(|(label, value)| after[label] == *value), "{name}");
        assert_eq!(after["theirs"], "stays");
    }
    assert_eq!(secrets(&api), before);
}

#[tokio::test]
async fn the_broker_users_in_use_are_not_replaced_because_their_secret_lost_its_labels() {
    let api = FakeApi::default();
    pass_anew(&api).await.unwrap();
    let path = format!("{SECRETS}/demo-broker-users-a");
    let mut moved = api.get(&path).unwrap();
    moved["metadata"]["name"] = json!("demo-broker-users-b");
    moved["metadata"]["labels"] = json!({});
    api.remove(&path);
    let b = format!("{SECRETS}/demo-broker-users-b");
    api.put(&b, moved.clone());
    settle(&api).await;
    assert_eq!(api.get(&path), None);
    assert_eq!(api.get(&b).unwrap()["data"], moved["data"]);
}

#[tokio::test]
async fn a_test_mail_that_lost_its_labels_has_them_again_and_is_not_sent_twice() {
    let api = FakeApi::default();
    pass_anew(&api).await.unwrap();
    let job = writes(&api, "/jobs").remove(0);
    let path = format!("{}/{}", job.path, job.body["metadata"]["name"].as_str().unwrap());
    edit(&api, &path, |metadata| metadata["labels"] = json!({}));
    let outcome = settle(&api).await;
    assert!(outcome.test_mail.is_some() && outcome.conflicts.is_empty(), "{:?}", outcome.conflicts);
    let verbs = writes(&api, "/jobs").into_iter().map(|sent| sent.method).collect::<Vec<_>>();
    assert_eq!(verbs, [Method::POST, Method::PATCH]);
}

/// As after `kubectl delete --cascade=orphan`, with the stack created again.
#[tokio::test]
async fn what_a_stack_of_this_name_left_behind_is_adopted_and_keeps_its_values() {
    let api = FakeApi::default();
    pass_anew(&api).await.unwrap();
    let before = secrets(&api);
    let paths = api.take_requests("").into_iter().filter(|sent| sent.method == Method::PATCH);
    let paths = paths.map(|sent| sent.path).chain(api.objects().into_iter().filter_map(|object| {
        (object["kind"] == "Secret")
            .then(|| format!("{SECRETS}/{}", object["metadata"]["name"].as_str().unwrap()))
    }));
    let paths = paths.filter(|path| api.get(path).is_some()).collect::<Vec<_>>();
    assert!(paths.len() > 15, "{paths:?}");
    for path in &paths {
        edit(&api, path, |metadata| drop(metadata.as_object_mut().unwrap().remove("ownerReferences")));
    }
    let outcome = settle(&api).await;
    assert_eq!(outcome.conflicts, Vec::<String>::new());
    assert_eq!(secrets(&api), before);
    for path in paths.iter().filter(|path| !path.ends_with("/demo-user-ids")) {
        assert_eq!(api.get(path).unwrap()["metadata"]["ownerReferences"][0]["uid"], "0b5ec0de", "{path}");
    }
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

fn events(api: &FakeApi, reason: &str) -> Vec<String> {
    let events = api.objects().into_iter().filter(|object| object["reason"] == reason);
    events.map(|event| event["note"].as_str().unwrap().to_owned()).collect()
}

/// The same operator, with caches that hold what is there now.
fn caught_up(api: &FakeApi, context: Context) -> Context {
    Context { children: Children::holding(&api.objects()), ..context }
}

/// As a controller of Kubernetes does.
fn write_status(api: &FakeApi, path: &str, generation: i64) {
    let mut object = api.get(path).unwrap();
    object["status"] = json!({ "observedGeneration": generation });
    api.put(path, object);
}

#[tokio::test]
async fn a_status_that_changes_while_an_object_is_applied_is_not_taken_for_a_change_of_the_object() {
    let api = FakeApi::default();
    let context = fixtures::context(&api);
    Box::pin(pass(&context)).await.unwrap();
    let path = format!("{DEPLOYMENTS}/demo-user-service");
    write_status(&api, &path, 1);
    let context = caught_up(&api, context);
    write_status(&api, &path, 2);
    Box::pin(pass(&context)).await.unwrap();
    assert_eq!(events(&api, "Corrected"), Vec::<String>::new());
}

#[tokio::test]
async fn a_cache_that_is_behind_a_change_of_the_spec_is_not_taken_for_a_change_by_somebody() {
    let api = FakeApi::default();
    let context = fixtures::context(&api);
    Box::pin(pass(&context)).await.unwrap();
    let behind = caught_up(&api, context);
    let mut grown = stack();
    grown.spec.user_service.replicas = 5;
    for _ in 0..2 {
        Box::pin(pass_of(&behind, &grown)).await.unwrap();
    }
    let deployment = api.get(&format!("{DEPLOYMENTS}/demo-user-service")).unwrap();
    assert_eq!(deployment["spec"]["replicas"], 5);
    assert_eq!(events(&api, "Corrected"), Vec::<String>::new());
}

#[tokio::test]
async fn what_somebody_changed_is_restored_with_one_event() {
    let api = FakeApi::default();
    let context = fixtures::context(&api);
    Box::pin(pass(&context)).await.unwrap();
    // The number of pods, with which a Deployment is made, is handed over.
    let context = caught_up(&api, context);
    Box::pin(pass(&context)).await.unwrap();
    let path = format!("{DEPLOYMENTS}/demo-user-service");
    let mut changed = api.get(&path).unwrap();
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = json!("other");
    api.put(&path, changed);
    let context = caught_up(&api, context);
    Box::pin(pass(&context)).await.unwrap();
    let context = caught_up(&api, context);
    Box::pin(pass(&context)).await.unwrap();
    assert_eq!(events(&api, "Corrected"), ["the Deployment demo-user-service had been changed: restored it"]);
}

#[tokio::test]
async fn a_paused_stack_does_not_say_of_the_broker_what_nobody_looked_at() {
    let api = FakeApi::default();
    pass_anew(&api).await.unwrap();
    let mut stack = stack();
    stack.spec.paused = true;
    stack.spec.monitoring.service_monitor = true;
    let path = "/apis/pingstack.dev/v1beta1/namespaces/team/pingstacks/demo";
    api.put(path, serde_json::to_value(&stack).unwrap());
    let stored = Arc::new(DeserializeGuard(Ok(stack)));
    Box::pin(reconcile(stored, Arc::new(fixtures::context(&api)))).await.unwrap();
    let status = api.get(path).unwrap()["status"].clone();
    let conditions = status["conditions"].as_array().unwrap();
    for type_ in ["TopologyReady", "MonitoringReady"] {
        let condition = conditions.iter().find(|condition| condition["type"] == type_).unwrap();
        assert_eq!(
            (&condition["status"], &condition["reason"]),
            (&json!("Unknown"), &json!("Paused")),
            "{type_}"
        );
    }
}

#[tokio::test]
async fn nothing_of_a_paused_stack_is_deleted() {
    let api = FakeApi::default();
    pass_anew(&api).await.unwrap();
    blocked_redis(&api);
    let mut stack = stack();
    stack.spec.paused = true;
    api.put(
        "/apis/pingstack.dev/v1beta1/namespaces/team/pingstacks/demo",
        serde_json::to_value(&stack).unwrap(),
    );
    api.take_requests("");
    let stored = Arc::new(DeserializeGuard(Ok(stack)));
    let context = Arc::new(fixtures::context(&api));
    Box::pin(reconcile(stored, context)).await.unwrap();
    let sent = api.take_requests("");
    assert!(
        sent.iter().any(|sent| sent.path.ends_with("/pingstacks/demo/status")),
        "it was reconciled: {sent:?}"
    );
    assert!(sent.iter().all(|sent| sent.method != Method::DELETE), "{sent:?}");
}
