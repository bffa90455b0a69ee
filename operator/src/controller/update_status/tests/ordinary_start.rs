//! A stack from its creation until users can sign in, by whole reconciles against an API server in memory.

use std::sync::Arc;

use kube::core::DeserializeGuard;
use pingstack_crd::PingStack;
use serde_json::{Value, json};
use test_kit::fake_api::FakeApi;

use crate::{
    conditions::{ConditionType, Finding},
    controller::{
        Context, reconcile,
        update_status::{Known, update_status},
    },
    fixtures::{self, MINIMAL},
    names::StackId,
};

const PATH: &str = "/apis/pingstack.dev/v1beta1/namespaces/team/pingstacks/demo";

use ConditionType::{
    AutoscalingReady, MailServiceReady, RabbitMqReady, Ready, RedisReady, TopologyReady, UserServiceReady,
};

fn not_yet(type_: ConditionType, reason: &str) -> Finding {
    Finding::bad(type_, reason, format!("not yet: {reason}"))
}

fn works(type_: ConditionType, reason: &str) -> Finding {
    Finding::good(type_, reason, "it works")
}

/// What the passes of an ordinary start find, one after the other, as seen on a cluster.
fn states() -> Vec<Vec<Finding>> {
    let servers = || [works(RedisReady, "Available"), works(RabbitMqReady, "Available")];
    let user = |finding: Finding| [servers().to_vec(), vec![finding]].concat();
    let nothing = vec![
        not_yet(Ready, "Starting"),
        not_yet(RedisReady, "Starting"),
        not_yet(RabbitMqReady, "Starting"),
        not_yet(TopologyReady, "WaitingForBroker"),
        not_yet(UserServiceReady, "Starting"),
        not_yet(MailServiceReady, "Starting"),
        Finding::unknown(AutoscalingReady, "WaitingForSample", "not yet"),
        works(ConditionType::Reconciling, "RollingOut"),
    ];
    vec![
        nothing,
        vec![not_yet(Ready, "VolumePending"), not_yet(RedisReady, "VolumePending")],
        vec![
            not_yet(Ready, "Starting"),
            works(RedisReady, "Available"),
            not_yet(UserServiceReady, "RabbitMqUnreachable"),
        ],
        vec![
            not_yet(Ready, "Starting"),
            works(RabbitMqReady, "Available"),
            not_yet(TopologyReady, "BrokerUnreachable"),
        ],
        [
            user(not_yet(UserServiceReady, "QueueMissing")),
            vec![not_yet(Ready, "QueueMissing"), works(TopologyReady, "Applied")],
        ]
        .concat(),
        [user(works(UserServiceReady, "Updating")), vec![not_yet(Ready, "Starting")]].concat(),
        [
            user(works(UserServiceReady, "Available")),
            vec![not_yet(Ready, "Starting"), works(MailServiceReady, "Available")],
        ]
        .concat(),
        vec![works(Ready, "Ready"), works(AutoscalingReady, "FollowsQueue")],
    ]
}

fn events(api: &FakeApi) -> Vec<Value> {
    let events = api.objects().into_iter().filter(|object| object["reportingController"].is_string());
    events.collect()
}

fn notes(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["note"].as_str().unwrap()).collect()
}

fn stored(api: &FakeApi) -> PingStack {
    serde_json::from_value(api.get(PATH).unwrap()).unwrap()
}

async fn report(api: &FakeApi, context: &Context, findings: Vec<Finding>) {
    let stack = stored(api);
    let id = StackId::of(&stack.metadata).unwrap();
    update_status(context, &id, &stack, Known { findings, queue: None }).await.unwrap();
}

#[tokio::test]
async fn an_ordinary_start_is_a_handful_of_events_and_no_warning() {
    let api = FakeApi::default();
    let mut stack = serde_json::to_value(fixtures::stack(MINIMAL)).unwrap();
    stack["apiVersion"] = json!("pingstack.dev/v1beta1");
    api.put(PATH, stack);
    api.put(
        "/api/v1/namespaces/team/secrets/smtp",
        json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "smtp", "namespace": "team" },
            "data": { "EMAIL_USER": "YQ==", "EMAIL_PASSWORD": "YQ==" },
        }),
    );
    let context = Arc::new(fixtures::context(&api));
    let stack = Arc::new(DeserializeGuard(Ok(stored(&api))));
    Box::pin(reconcile(stack, Arc::clone(&context))).await.unwrap();
    let first = events(&api);
    assert_eq!(first.len(), 2, "the objects, and Ready: {:?}", notes(&first));
    for findings in states() {
        report(&api, &context, findings).await;
    }
    let events = events(&api);
    let warnings = events.iter().filter(|event| event["type"] != "Normal").cloned().collect::<Vec<_>>();
    assert_eq!(notes(&warnings), Vec::<&str>::new());
    let notes = notes(&events);
    assert!(notes.len() <= 9, "{notes:#?}");
    assert!(notes.contains(&"Ready: it works"), "{notes:#?}");
    assert!(events.iter().all(|event| event["series"].is_null()), "said twice: {events:#?}");
}

#[tokio::test]
async fn an_hour_at_rest_is_no_event() {
    let api = FakeApi::default();
    api.put(PATH, serde_json::to_value(fixtures::stack(MINIMAL)).unwrap());
    let context = fixtures::context(&api);
    for findings in states() {
        report(&api, &context, findings).await;
    }
    let before = events(&api).len();
    for _ in 0..60 {
        report(&api, &context, states().pop().unwrap()).await;
    }
    assert_eq!(events(&api).len(), before);
}
