use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use http::Method;
use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
    jiff::Timestamp,
};
use kube::core::DeserializeGuard;
use pingstack_crd::{
    PingStack,
    status::{PingStackStatus, QueueStatus},
};
use serde_json::json;
use test_kit::fake_api::{FakeApi, Sent};

use super::{LastWritten, SPACING, due, look};
use crate::{
    autoscaling::{
        poller::{FOLLOWED, WATCHED},
        sample::Sample,
    },
    conditions::{ConditionType, Finding, stamp},
    controller::update_status::{Known, update_status},
    fixtures::{self, MINIMAL},
    names::StackId,
};

const STACK: &str = "/apis/pingstack.dev/v1beta1/namespaces/team/pingstacks/demo";

fn conditions() -> Vec<Condition> {
    stamp(vec![Finding::good(ConditionType::Ready, "Ready", "")], &[], Some(1), &Time(Timestamp::UNIX_EPOCH))
}

/// A stack whose status says that this many mails wait.
fn stack_with(messages: Option<i64>) -> PingStack {
    let mut stack = fixtures::stack(MINIMAL);
    let queue = messages.map(|messages| QueueStatus { messages, consumers: 1 });
    stack.status = Some(PingStackStatus { conditions: conditions(), queue, ..PingStackStatus::default() });
    stack
}

fn sample(messages: u64, asked: Instant) -> Sample {
    Sample { messages, consumers: 1, taken_at: Timestamp::UNIX_EPOCH, asked }
}

#[test]
fn a_number_is_written_when_it_differs_and_the_last_one_is_not_new() {
    let first = Instant::now();
    let stack = stack_with(Some(3));
    assert_eq!(due(&stack, &sample(3, first), None), None, "nothing changed");
    assert_eq!(due(&stack, &sample(7, first), None), Some(QueueStatus { messages: 7, consumers: 1 }));
    assert_eq!(due(&stack, &sample(7, first + SPACING / 2), Some(first)), None, "too soon");
    assert!(due(&stack, &sample(7, first + SPACING), Some(first)).is_some());
}

#[test]
fn the_first_number_follows_the_first_conditions() {
    let now = Instant::now();
    assert!(due(&stack_with(None), &sample(0, now), None).is_some());
    let mut new = stack_with(None);
    new.status = None;
    assert_eq!(due(&new, &sample(0, now), None), None);
    new.status = Some(PingStackStatus::default());
    assert_eq!(due(&new, &sample(0, now), None), None);
}

/// A sample every `interval`, none of which may be skipped for long.
#[test]
fn a_number_that_changes_is_never_older_than_fifteen_seconds_with_the_brokers_own_five() {
    for interval in [FOLLOWED * 8 / 10, FOLLOWED, WATCHED * 8 / 10, WATCHED] {
        let readings_between_writes = SPACING.as_secs_f64() / interval.as_secs_f64();
        let between_writes = interval.mul_f64(readings_between_writes.ceil());
        let age = between_writes + super::LOOK + Duration::from_secs(5);
        assert!(age <= Duration::from_secs(15), "{age:?} where the queue is read every {interval:?}");
    }
}

async fn looked(api: &FakeApi, stack: &PingStack, messages: u64) -> Vec<Sent> {
    let context = fixtures::context(api);
    context.autoscaling.record(&StackId::of(&stack.metadata).unwrap(), sample(messages, Instant::now()));
    look(&context, &[Arc::new(DeserializeGuard(Ok(stack.clone())))], &mut LastWritten::new()).await;
    api.take_requests("").into_iter().filter(|sent| sent.method != Method::GET).collect()
}

#[tokio::test]
async fn only_the_queue_of_this_very_stack_is_written_also_while_it_is_paused() {
    let api = FakeApi::default();
    let mut stack = stack_with(Some(3));
    stack.spec.paused = true;
    api.put(STACK, serde_json::to_value(&stack).unwrap());
    let sent = looked(&api, &stack, 7).await;
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert_eq!(
        (&sent[0].method, sent[0].path.as_str()),
        (&Method::PATCH, format!("{STACK}/status").as_str())
    );
    let patch = json!({
        "metadata": { "uid": "0b5ec0de" }, "status": { "queue": { "messages": 7, "consumers": 1 } },
    });
    assert_eq!(sent[0].body, patch);
    assert_eq!(looked(&api, &stack_with(Some(7)), 7).await, [], "nothing changed");
}

#[tokio::test]
async fn two_looks_in_a_row_write_once() {
    let api = FakeApi::default();
    let stack = stack_with(Some(3));
    api.put(STACK, serde_json::to_value(&stack).unwrap());
    let context = fixtures::context(&api);
    let mut written = LastWritten::new();
    context.autoscaling.record(&StackId::of(&stack.metadata).unwrap(), sample(7, Instant::now()));
    let stacks = [Arc::new(DeserializeGuard(Ok(stack)))];
    for _ in 0..2 {
        look(&context, &stacks, &mut written).await;
    }
    assert_eq!(api.take_requests("/status").len(), 1);
}

#[tokio::test]
async fn a_reconcile_never_writes_an_older_number_over_a_newer_one() {
    let api = FakeApi::default();
    let stack = stack_with(Some(3));
    let mut newer = serde_json::to_value(&stack).unwrap();
    newer["status"]["queue"]["messages"] = json!(7);
    api.put(STACK, newer);
    let known = Known {
        findings: vec![Finding::bad(ConditionType::Ready, "Starting", "")],
        queue: Some(QueueStatus { messages: 4, consumers: 1 }),
    };
    let id = StackId::of(&stack.metadata).unwrap();
    update_status(&fixtures::context(&api), &id, &stack, known).await.unwrap();
    let stored = api.get(STACK).unwrap();
    assert_eq!(stored["status"]["conditions"][0]["reason"], "Starting");
    assert_eq!(stored["status"]["queue"]["messages"], 7);
}
