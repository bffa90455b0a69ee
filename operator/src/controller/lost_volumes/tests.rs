use std::sync::Arc;

use http::Method;
use k8s_openapi::api::apps::v1::StatefulSet;
use serde_json::{Value, from_value, json};
use test_kit::fake_api::FakeApi;

use super::{Healing, Seen, look};
use crate::{
    controller::{
        brokers::members::Brokers,
        build::{BrokerRepair, build},
        validate::validate,
    },
    fixtures::{self, MINIMAL, brokers, stack_id},
};

const SET: &str = "/apis/apps/v1/namespaces/team/statefulsets/demo-rabbitmq";

fn repair() -> BrokerRepair {
    let mut stack = fixtures::stack(MINIMAL);
    stack.spec.rabbitmq.managed.as_mut().unwrap().replicas = 3;
    let stack = validate(&stack, fixtures::references()).unwrap();
    build(&stack, &fixtures::platform(), &fixtures::entropy()).unwrap().repair.unwrap()
}

/// The brokers of the fixture with the names that they have in the stack.
fn under_their_names(mut brokers: Brokers) -> Brokers {
    let name = |node: &str| stack_id().broker_node(node.strip_prefix("rabbit@").unwrap().parse().unwrap());
    for broker in &mut brokers.0 {
        broker.node = name(&broker.node);
        let Ok(view) = &mut broker.view else { continue };
        view.node = name(&view.node);
        view.running = view.running.iter().map(|node| name(node)).collect();
        view.members = view.members.iter().map(|node| name(node)).collect();
    }
    brokers
}

const NOBODY: [&[usize]; 3] = [&[], &[], &[]];
const EVERYBODY: [&[usize]; 3] = [&[0, 1, 2], &[0, 1, 2], &[0, 1, 2]];

/// The claims of the brokers' volumes before any of them was lost, as they are recorded.
fn first_claims() -> Value {
    json!({ "demo-rabbitmq-0": "claim-0", "demo-rabbitmq-1": "claim-1", "demo-rabbitmq-2": "claim-2" })
}

fn pod(name: &str, ready: bool) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name, "namespace": "team",
            "labels": { "pingstack.dev/stack": "demo", "pingstack.dev/part": "rabbitmq" },
        },
        "status": { "containerStatuses": [{
            "name": "rabbitmq", "image": "x", "imageID": "", "ready": ready, "restartCount": 0,
            "state": { "running": {} },
        }] },
    })
}

/// A stack of three brokers.
struct Stack {
    api: FakeApi,
}

impl Stack {
    /// Its pods run, and all of them are ready or none is.
    fn new(ready: bool) -> Self {
        let api = FakeApi::default();
        for ordinal in 0..3 {
            let name = format!("demo-rabbitmq-{ordinal}");
            api.put(&format!("/api/v1/namespaces/team/pods/{name}"), pod(&name, ready));
        }
        let stack = Self { api };
        (0..3).for_each(|ordinal| stack.claim(ordinal, &format!("claim-{ordinal}")));
        stack.record(&Value::Null);
        stack
    }

    fn claim(&self, ordinal: usize, uid: &str) {
        let name = format!("data-demo-rabbitmq-{ordinal}");
        let path = format!("/api/v1/namespaces/team/persistentvolumeclaims/{name}");
        self.api.remove(&path);
        self.api.put(&path, json!({ "metadata": { "name": name, "uid": uid } }));
    }

    fn record(&self, claims: &Value) {
        let annotations = match claims {
            Value::Null => json!({}),
            claims => json!({ "pingstack.dev/broker-volumes": claims.to_string() }),
        };
        let metadata = json!({ "name": "demo-rabbitmq", "namespace": "team", "annotations": annotations });
        self.api.put(SET, json!({ "metadata": metadata }));
    }

    /// One pass over brokers that report this: what follows, and what is recorded.
    async fn pass(&self, brokers: Brokers) -> (Healing, Vec<Value>) {
        let brokers = under_their_names(brokers);
        let set = Arc::new(from_value::<StatefulSet>(self.api.get(SET).unwrap()).unwrap());
        let seen = Seen { stateful_sets: &[set], brokers: &brokers };
        let healing = look(&fixtures::context(&self.api), &stack_id(), &repair(), &seen).await.unwrap();
        let written = self.api.take_requests("").into_iter().filter(|sent| sent.method != Method::GET);
        let annotation = |body: &Value| {
            let text = body["metadata"]["annotations"]["pingstack.dev/broker-volumes"].as_str().unwrap();
            serde_json::from_str::<Value>(text).unwrap()
        };
        (healing, written.map(|sent| annotation(&sent.body)).collect())
    }
}

#[tokio::test]
async fn a_volume_is_recorded_before_its_broker_has_started() {
    let (healing, recorded) = Stack::new(false).pass(brokers(NOBODY)).await;
    assert_eq!((healing.problem, recorded), (None, vec![first_claims()]));
}

#[tokio::test]
async fn a_volume_that_is_lost_before_all_brokers_have_answered_is_noticed() {
    let stack = Stack::new(false);
    stack.record(&first_claims());
    stack.claim(2, "claim-3");
    let (healing, recorded) = stack.pass(brokers([&[0, 1], &[], &[]])).await;
    assert_eq!(healing.problem.unwrap().reason, "VolumeLost");
    assert_eq!(recorded, [Value::Null; 0]);
}

#[tokio::test]
async fn the_new_volume_of_a_broker_is_recorded_once_a_majority_has_it_running_though_it_does_not_answer() {
    let stack = Stack::new(true);
    stack.record(&first_claims());
    stack.claim(2, "claim-3");
    let (healing, recorded) = stack.pass(brokers([&[0, 1, 2], &[0, 1, 2], &[]])).await;
    let claims =
        json!({ "demo-rabbitmq-0": "claim-0", "demo-rabbitmq-1": "claim-1", "demo-rabbitmq-2": "claim-3" });
    assert_eq!((healing.unrecorded, recorded), (false, vec![claims]));
}

#[tokio::test]
async fn while_a_majority_does_without_a_ready_broker_its_new_volume_is_not_recorded_and_the_stack_is_not_settled()
 {
    let stack = Stack::new(true);
    stack.record(&first_claims());
    stack.claim(2, "claim-3");
    let (healing, recorded) = stack.pass(brokers([&[0, 1], &[0, 1], &[2]])).await;
    assert_eq!((healing.unrecorded, recorded), (true, vec![]));
}

#[tokio::test]
async fn what_is_recorded_is_not_written_again() {
    let stack = Stack::new(true);
    stack.record(&first_claims());
    let (healing, recorded) = stack.pass(brokers(EVERYBODY)).await;
    assert_eq!((healing.unrecorded, recorded), (false, vec![]));
}
