use std::sync::Arc;

use http::Method;
use k8s_openapi::api::apps::v1::StatefulSet;
use serde_json::{Value, from_value, json};

use super::{Healing, Seen, look};
use crate::{
    controller::{
        brokers::members::Brokers,
        build::{BrokerRepair, build},
        validate::validate,
    },
    fake_api::FakeApi,
    fixtures::{self, MINIMAL, brokers, stack_id},
};

fn repair() -> BrokerRepair {
    let mut stack = fixtures::stack(MINIMAL);
    stack.spec.rabbitmq.managed.as_mut().unwrap().replicas = 3;
    let stack = validate(&stack, fixtures::references()).unwrap();
    build(&stack, &fixtures::platform(), &fixtures::entropy()).unwrap().repair.unwrap()
}

fn pod(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name, "namespace": "team",
            "labels": { "pingstack.dev/stack": "demo", "pingstack.dev/part": "rabbitmq" },
        },
        "status": { "containerStatuses": [{
            "name": "rabbitmq", "image": "x", "imageID": "", "ready": true, "restartCount": 0,
            "state": { "running": {} },
        }] },
    })
}

/// One pass over three brokers, all of them ready, that report this: what follows, and what is recorded.
async fn pass(brokers: Brokers) -> (Healing, Vec<Value>) {
    let api = FakeApi::default();
    for ordinal in 0..3 {
        let name = format!("demo-rabbitmq-{ordinal}");
        api.put(&format!("/api/v1/namespaces/team/pods/{name}"), pod(&name));
        let claim =
            json!({ "metadata": { "name": format!("data-{name}"), "uid": format!("claim-{ordinal}") } });
        api.put(&format!("/api/v1/namespaces/team/persistentvolumeclaims/data-{name}"), claim);
    }
    let path = "/apis/apps/v1/namespaces/team/statefulsets/demo-rabbitmq";
    api.put(path, json!({ "metadata": { "name": "demo-rabbitmq", "namespace": "team" } }));
    let set = Arc::new(from_value::<StatefulSet>(api.get(path).unwrap()).unwrap());
    let seen = Seen { stateful_sets: &[set], brokers: &brokers };
    let healing = look(&fixtures::context(&api), &stack_id(), &repair(), &seen).await.unwrap();
    let written = api.take_requests("").into_iter().filter(|sent| sent.method != Method::GET);
    (healing, written.map(|sent| sent.body["metadata"]["annotations"].clone()).collect())
}

#[tokio::test]
async fn the_volumes_of_brokers_that_are_all_members_are_recorded() {
    let (healing, recorded) = pass(brokers([&[0, 1, 2], &[0, 1, 2], &[0, 1, 2]])).await;
    assert!(!healing.unrecorded);
    let volumes =
        json!({ "demo-rabbitmq-0": "claim-0", "demo-rabbitmq-1": "claim-1", "demo-rabbitmq-2": "claim-2" });
    assert_eq!(recorded, [json!({ "pingstack.dev/broker-volumes": volumes.to_string() })]);
}

#[tokio::test]
async fn while_a_ready_broker_does_not_answer_its_volume_is_not_recorded_and_the_stack_is_not_settled() {
    let (healing, recorded) = pass(brokers([&[0, 1, 2], &[0, 1, 2], &[]])).await;
    assert!(healing.unrecorded);
    assert_eq!(recorded, [Value::Null; 0]);
}
