//! Everything that happens to a stack in a year, in minutes, under sign-ins.

use std::time::{Duration, Instant};

use cluster::{
    Case, Load, LoadPlan, Stack, deadline,
    load::{assert_every_request_answered, assert_nothing_lost},
    settings,
};
use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

const BROKERS: u32 = 3;
const RATE: u32 = 20;
/// Sessions that are refreshed from the first minute to the last.
const KEPT: usize = 100;
/// A shorter day has one fault of each kind.
const WHOLE_DAY: Duration = Duration::from_mins(10);
/// A rollout of three brokers, each of which waits for the others first.
const BROKERS_ROLLED: Duration = Duration::from_mins(9);

/// What happens to the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// A pod of a StatefulSet is deleted.
    ServerPod { part: &'static str, ordinal: u32 },
    /// Every pod of a service is deleted, one after the other.
    ServicePods(&'static str),
    /// A server is restarted as `kubectl rollout restart` does.
    RolledServer(&'static str),
    /// A service is.
    RolledService(&'static str),
    /// A broker loses its volume.
    LostVolume(u32),
}

/// In an order that lets no fault follow its like.
const FAULTS: [Fault; 11] = [
    Fault::ServerPod { part: "redis", ordinal: 0 },
    Fault::ServerPod { part: "rabbitmq", ordinal: 0 },
    Fault::ServicePods("user-service"),
    Fault::LostVolume(1),
    Fault::RolledServer("redis"),
    Fault::ServicePods("mail-service"),
    Fault::ServerPod { part: "rabbitmq", ordinal: 1 },
    Fault::RolledService("user-service"),
    Fault::RolledServer("rabbitmq"),
    Fault::RolledService("mail-service"),
    Fault::ServerPod { part: "rabbitmq", ordinal: 2 },
];
/// The first so many are one of each kind but the rollouts of services and of three brokers, which take minutes.
const SHORT_DAY: usize = 6;

#[tokio::test]
async fn a_day_of_restarts_loses_nothing() {
    Case::run(async |case: &Case| {
        let demo = case.ready_stack(json!({ "rabbitmq": { "managed": { "replicas": BROKERS } } })).await;
        demo.wait_brokers(BROKERS, deadline::STACK).await;
        let load = case.start_load(LoadPlan::new(&demo.url(), "day", RATE).keeping(KEPT)).await;
        let day = settings::day();
        let faults = if day < WHOLE_DAY { &FAULTS[..SHORT_DAY] } else { &FAULTS[..] };
        let began = Instant::now();
        for (number, fault) in (0..).zip(faults) {
            wait_until(case, began + day * number / u32::try_from(faults.len()).unwrap_or(1)).await;
            case.step(&format!("after {} s: {fault:?}", began.elapsed().as_secs()));
            let broken = Instant::now();
            break_stack(case, &demo, *fault).await;
            assert_whole(case, &demo, &load).await;
            case.step(&format!("whole again after {} s: {fault:?}", broken.elapsed().as_secs()));
        }
        wait_until(case, began + day).await;
        let ledger = load.finish().await;
        assert_nothing_lost(&ledger);
        assert_every_request_answered(&ledger);
    })
    .await;
}

async fn wait_until(case: &Case, moment: Instant) {
    case.outage(moment.saturating_duration_since(Instant::now())).await;
}

async fn break_stack(case: &Case, demo: &Stack<'_>, fault: Fault) {
    match fault {
        Fault::ServerPod { part, ordinal } => {
            case.replace_pod(&format!("{}-{ordinal}", demo.part(part))).await
        }
        Fault::ServicePods(part) => {
            for pod in case.pods_of(&demo.name, part).await {
                case.delete::<Pod>(&pod.metadata.name.unwrap_or_default()).await;
                case.wait_deployment(&demo.part(part), deadline::SERVER).await;
            }
        }
        Fault::RolledServer(part) => case.roll_stateful_set(&demo.part(part), BROKERS_ROLLED).await,
        Fault::RolledService(part) => case.roll_deployment(&demo.part(part), deadline::SERVER).await,
        Fault::LostVolume(ordinal) => {
            case.lose_volume(&format!("{}-{ordinal}", demo.part("rabbitmq"))).await;
        }
    }
}

/// All brokers are members, and people sign in.
async fn assert_whole(case: &Case, demo: &Stack<'_>, load: &Load<'_>) {
    case.wait_stateful_set(&demo.part("redis"), deadline::SERVER).await;
    for part in ["user-service", "mail-service"] {
        case.wait_deployment(&demo.part(part), deadline::SERVER).await;
    }
    demo.wait_brokers(BROKERS, deadline::VOLUME).await;
    demo.wait_ready().await;
    load.wait_served(deadline::SERVER).await;
}
