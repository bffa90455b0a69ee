//! Nodes drained, cut off and lost. These cases need three nodes: `make cluster NODES=3`.

use std::{collections::BTreeSet, time::Duration};

use cluster::{Case, Load, Stack, deadline, load::assert_nothing_lost, node::Loss};
use serde_json::json;

const BROKERS: u32 = 3;
/// Sign-ins a second.
const RATE: u32 = 5;
/// How long a worker is away.
const AWAY: Duration = Duration::from_mins(1);
/// Of some 300 sign-ins that begin while a worker is away, as many must go through where Redis is elsewhere. Kubernetes
/// takes about 50 s to notice, and until then it sends every third request to the worker.
const FEWEST: u64 = 50;

#[tokio::test]
#[ignore = "make e2e-full runs it"]
async fn pods_of_a_stack_on_three_unlabelled_nodes_are_one_each() {
    Case::run(async |case: &Case| {
        if case.workers().await.is_empty() {
            return;
        }
        let demo = start(case).await;
        for part in ["rabbitmq", "user-service", "mail-service"] {
            let nodes = case.nodes_of(&demo.name, part).await;
            let distinct = nodes.iter().collect::<BTreeSet<_>>();
            assert_eq!((nodes.len(), distinct.len()), (3, 3), "pods of {part} are on {nodes:?}");
        }
        demo.wait_condition("BrokersSurviveNodeLoss", "True", deadline::OPERATOR).await;
    })
    .await;
}

/// A minute is as long as RabbitMQ takes to notice: in some runs the broker stays apart until the operator restarts it.
#[tokio::test]
async fn a_worker_cut_off_for_a_minute_loses_no_mail() {
    Case::alone(async |case: &Case| lose(case, Loss::CutOff, 1).await).await;
}

#[tokio::test]
#[ignore = "make e2e-full runs it; CI cuts off one worker"]
async fn a_worker_killed_loses_no_mail() {
    Case::alone(async |case: &Case| lose(case, Loss::Killed, 1).await).await;
}

#[tokio::test]
#[ignore = "make e2e-full runs it; CI cuts off one worker"]
async fn a_worker_drained_loses_no_mail() {
    Case::alone(async |case: &Case| drain(case, 1).await).await;
}

#[tokio::test]
#[ignore = "make e2e-full runs it; CI cuts off one worker"]
async fn each_worker_cut_off_for_a_minute_loses_no_mail() {
    Case::alone(async |case: &Case| lose(case, Loss::CutOff, usize::MAX).await).await;
}

#[tokio::test]
#[ignore = "make e2e-full runs it; CI cuts off one worker"]
async fn each_worker_killed_loses_no_mail() {
    Case::alone(async |case: &Case| lose(case, Loss::Killed, usize::MAX).await).await;
}

#[tokio::test]
#[ignore = "make e2e-full runs it; CI cuts off one worker"]
async fn each_worker_drained_and_uncordoned_loses_no_mail() {
    Case::alone(async |case: &Case| drain(case, usize::MAX).await).await;
}

/// Takes away the first `most` workers, one after the other, under sign-ins.
async fn lose(case: &Case, loss: Loss, most: usize) {
    let workers = case.breakable_workers().await;
    break_workers(case, workers, most, async |load, worker, has_redis| {
        let before = load.summary().await.signed_in;
        let away = async {
            case.outage(AWAY).await;
            load.try_summary().await
        };
        let during = case.without_worker(worker, loss, away).await.expect("the figures of the load");
        let during = during.signed_in - before;
        case.step(&format!("{during} sign-ins without {worker}, Redis on it: {has_redis}"));
        assert!(has_redis || during >= FEWEST, "sign-in did not go on without {worker}");
    })
    .await;
}

/// Drains the first `most` workers, one after the other, under sign-ins.
async fn drain(case: &Case, most: usize) {
    let workers = case.workers().await;
    break_workers(case, workers, most, async |load, worker, has_redis| {
        let away = async {
            if has_redis {
                // On its local volume it waits for the node.
                return Ok(());
            }
            load.try_served(deadline::SERVER).await
        };
        let gone_on = case.drained(worker, away).await;
        gone_on.unwrap_or_else(|error| panic!("sign-in did not go on without {worker}: {error}"));
    })
    .await;
}

/// Breaks the first `most` workers, one after the other, under sign-ins: `break_one` gets the load, the worker, and
/// whether Redis is on it.
async fn break_workers<F>(case: &Case, workers: Vec<String>, most: usize, break_one: F)
where
    F: AsyncFn(&Load<'_>, &str, bool),
{
    if workers.is_empty() {
        return;
    }
    let demo = start(case).await;
    let load = demo.start_load("nodes", RATE).await;
    for worker in without_redis_first(case, &demo, workers).await.iter().take(most) {
        let has_redis = case.nodes_of(&demo.name, "redis").await.contains(worker);
        break_one(&load, worker, has_redis).await;
        assert_whole(case, &demo, &load).await;
    }
    assert_nothing_lost(&load.finish().await);
}

/// Three pods of everything that can have three.
async fn start(case: &Case) -> Stack<'_> {
    let demo = case.stack("demo");
    demo.apply(json!({
        "rabbitmq": { "managed": { "replicas": BROKERS } },
        "userService": { "replicas": 3 },
        "mailService": { "autoscaling": { "minReplicas": 3, "maxReplicas": 3 } },
    }))
    .await;
    demo.wait_ready().await;
    demo.wait_brokers(BROKERS, deadline::STACK).await;
    for part in ["user-service", "mail-service"] {
        case.wait_deployment(&demo.part(part), deadline::SERVER).await;
    }
    demo
}

/// One worker shows that sign-in goes on only if Redis is elsewhere.
async fn without_redis_first(case: &Case, demo: &Stack<'_>, mut workers: Vec<String>) -> Vec<String> {
    let with_redis = case.nodes_of(&demo.name, "redis").await;
    workers.sort_by_key(|worker| with_redis.contains(worker));
    workers
}

/// Every broker is a member again, every pod is ready, and users sign in.
async fn assert_whole(case: &Case, demo: &Stack<'_>, load: &Load<'_>) {
    case.wait_stateful_set(&demo.part("redis"), deadline::SERVER).await;
    demo.wait_brokers(BROKERS, deadline::VOLUME).await;
    for part in ["user-service", "mail-service"] {
        case.wait_deployment(&demo.part(part), deadline::SERVER).await;
    }
    load.wait_served(deadline::SERVER).await;
}
