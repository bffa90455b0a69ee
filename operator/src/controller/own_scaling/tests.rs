use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use external_metrics::{Slot, Slots};
use http::Method;
use k8s_openapi::jiff::Timestamp;
use kube::core::DeserializeGuard;
use pingstack_crd::{PingStack, services::AutoscalingProvider};
use serde_json::{Value, json};
use test_kit::fake_api::FakeApi;

use super::{Context, Histories, look};
use crate::{
    autoscaling::sample::Sample,
    fixtures::{self, MINIMAL},
    names::StackId,
};

const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/team/deployments/demo-mail-service";

fn stack(provider: AutoscalingProvider) -> PingStack {
    let mut stack = fixtures::stack(MINIMAL);
    stack.spec.mail_service.autoscaling.provider = provider;
    stack
}

/// An API server with the stack's consumers, two pods.
fn api(stack: &PingStack) -> FakeApi {
    let id = StackId::of(&stack.metadata).unwrap();
    let owner = json!([{
        "apiVersion": "pingstack.dev/v1alpha1", "kind": "PingStack", "name": "demo", "uid": id.uid, "controller": true,
    }]);
    let metadata = json!({
        "name": "demo-mail-service", "namespace": "team", "ownerReferences": owner,
        "labels": { "app.kubernetes.io/managed-by": "ping-operator" },
    });
    let spec = json!({ "replicas": 2, "selector": {}, "template": {} });
    let api = FakeApi::default();
    let deployment =
        json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec });
    api.put(DEPLOYMENT, deployment);
    api
}

fn both_of_others() -> Slots {
    let foreign = |name: &str| Slot::Foreign(format!("the Service {name}"));
    Slots { external: foreign("keda"), custom: foreign("adapter") }
}

/// Looks once, with as many mails in the queue; what was written.
async fn looked(context: &Context, api: &FakeApi, stack: &PingStack, messages: u64) -> Vec<Value> {
    let asked = Instant::now();
    let sample = Sample { messages, consumers: 1, taken_at: Timestamp::UNIX_EPOCH, asked };
    context.autoscaling.record(&StackId::of(&stack.metadata).unwrap(), sample);
    let stacks = [Arc::new(DeserializeGuard(Ok(stack.clone())))];
    look(context, &stacks, &mut Histories::new(), asked + Duration::from_secs(1)).await;
    let sent = api.take_requests("/deployments").into_iter().filter(|sent| sent.method == Method::PATCH);
    sent.map(|sent| sent.body["spec"].clone()).collect()
}

#[tokio::test]
async fn the_operator_sets_the_number_where_both_apis_belong_to_others() {
    let stack = stack(AutoscalingProvider::Auto);
    let api = api(&stack);
    let context = fixtures::context(&api);
    context.autoscaling.put_slots(both_of_others());
    assert_eq!(looked(&context, &api, &stack, 400).await, [json!({ "replicas": 8 })]);
    assert_eq!(api.get(DEPLOYMENT).unwrap()["spec"]["replicas"], 8);
}

#[tokio::test]
async fn it_sets_none_where_somebody_else_does_or_nobody_is_to() {
    let ours = Slots { external: Slot::Ours(Ok(())), custom: Slot::Unknown };
    let mut paused = stack(AutoscalingProvider::Auto);
    paused.spec.paused = true;
    let cases = vec![
        (stack(AutoscalingProvider::Auto), ours),
        (stack(AutoscalingProvider::Auto), Slots::default()),
        (stack(AutoscalingProvider::Embedded), both_of_others()),
        (stack(AutoscalingProvider::External), both_of_others()),
        (stack(AutoscalingProvider::None), both_of_others()),
        (paused, both_of_others()),
    ];
    for (stack, slots) in cases {
        let api = api(&stack);
        let context = fixtures::context(&api);
        context.autoscaling.put_slots(slots);
        let sent = looked(&context, &api, &stack, 400).await;
        assert!(sent.is_empty(), "{sent:?} for {:?}", stack.spec.mail_service.autoscaling);
    }
}

#[tokio::test]
async fn a_queue_that_cannot_be_read_and_a_deployment_of_somebody_else_change_nothing() {
    let stack = stack(AutoscalingProvider::Auto);
    let api = api(&stack);
    let context = fixtures::context(&api);
    context.autoscaling.put_slots(both_of_others());
    let stacks = [Arc::new(DeserializeGuard(Ok(stack.clone())))];
    look(&context, &stacks, &mut Histories::new(), Instant::now()).await;
    assert!(api.take_requests("/deployments").is_empty(), "the queue was never read");
    let mut foreign = api.get(DEPLOYMENT).unwrap();
    foreign["metadata"]["ownerReferences"] = json!([]);
    api.put(DEPLOYMENT, foreign);
    let context = fixtures::context(&api);
    context.autoscaling.put_slots(both_of_others());
    assert!(looked(&context, &api, &stack, 400).await.is_empty());
}
