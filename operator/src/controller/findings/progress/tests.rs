use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
    jiff::Timestamp,
};

use super::{Applied, PartState, Past, Problem, progress, refused};
use crate::{
    conditions::{ConditionType, Finding, stamp},
    controller::{
        findings::{of_topology, of_workload},
        topology::TopologyState,
        validate,
        workload::Workload,
    },
    names::Part,
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn complete() -> Workload {
    Workload { desired: 2, pods: 2, updated: 2, ready: 2, observed: true, ..Workload::default() }
}

/// A new pod of user-service beside two that serve.
fn rolling(problem: Option<Problem>) -> PartState {
    let workload = Workload { pods: 3, updated: 1, ..complete() };
    PartState { part: Part::UserService, workload: Some(workload), problem }
}

fn image_pull(since: i64) -> Problem {
    let message = "the image registry/x:1 cannot be pulled: not found".to_owned();
    Problem { reason: "ImagePull", message, since: Some(at(since)) }
}

fn before(findings: Vec<Finding>) -> Vec<Condition> {
    stamp(findings, &[], Some(1), &Time(at(0)))
}

/// At second 100, for generation 1, which was reported before.
fn found(part: PartState, conditions: &[Condition]) -> Option<Finding> {
    let findings = [of_workload(&part)];
    let applied =
        Applied { parts: &[part], findings: &findings, conflicts: &[], paused: false, generation: Some(1) };
    progress(&applied, &Past { conditions, generation: Some(1), now: at(100) })
}

#[test]
fn a_rollout_is_in_progress_and_then_nothing_is_said() {
    let finding = found(rolling(None), &[]).unwrap();
    assert_eq!((finding.type_, finding.reason.as_str()), (ConditionType::Reconciling, "RollingOut"));
    assert_eq!(finding.message, "user-service: 2 of 2 pods serve");
    let reconciling = before(vec![finding]);
    let done = PartState { part: Part::UserService, workload: Some(complete()), problem: None };
    assert_eq!(found(done, &reconciling), None);
}

#[test]
fn a_rollout_whose_image_cannot_be_pulled_is_stalled_after_half_a_minute_and_names_part_image_and_cause() {
    let early = found(rolling(Some(image_pull(71))), &[]).unwrap();
    assert_eq!(early.type_, ConditionType::Reconciling);
    let finding = found(rolling(Some(image_pull(70))), &[]).unwrap();
    assert_eq!((finding.type_, finding.status), (ConditionType::Stalled, "True"));
    assert_eq!(finding.reason, "ImagePull");
    assert_eq!(
        finding.message,
        "user-service: 2 of 2 pods serve; the image registry/x:1 cannot be pulled: not found"
    );
    assert!(finding.is_warning());
}

#[test]
fn a_pod_that_is_replaced_at_rest_is_no_change_of_the_stack() {
    let workload = Workload { pods: 1, updated: 1, ready: 1, ..complete() };
    let replaced = || PartState { part: Part::UserService, workload: Some(workload.clone()), problem: None };
    assert_eq!(found(replaced(), &[]), None);
    let reconciling = before(vec![Finding::good(ConditionType::Reconciling, "RollingOut", "")]);
    assert_eq!(found(replaced(), &reconciling).unwrap().type_, ConditionType::Reconciling);
}

#[test]
fn a_new_generation_is_in_progress_until_its_topology_is_there() {
    let findings = [of_topology(&TopologyState::Waiting)];
    let mut applied =
        Applied { parts: &[], findings: &findings, conflicts: &[], paused: false, generation: Some(2) };
    let past = Past { conditions: &[], generation: Some(1), now: at(100) };
    assert_eq!(progress(&applied, &past).unwrap().reason, "TopologyPending");
    applied.generation = Some(1);
    assert_eq!(progress(&applied, &past), None, "a broker that is away at rest");
}

#[test]
fn a_paused_stack_is_not_in_progress() {
    let parts = [PartState { part: Part::MailService, workload: None, problem: None }];
    let findings = parts.clone().map(|part| of_workload(&part));
    let mut applied =
        Applied { parts: &parts, findings: &findings, conflicts: &[], paused: true, generation: Some(2) };
    let past = Past { conditions: &[], generation: Some(1), now: at(100) };
    assert_eq!(progress(&applied, &past), None);
    applied.paused = false;
    assert_eq!(progress(&applied, &past).unwrap().type_, ConditionType::Reconciling);
}

#[test]
fn what_a_person_must_decide_is_stalled() {
    let past = Past { conditions: &[], generation: Some(1), now: at(100) };
    let conflict = ["Service demo-redis".to_owned()];
    let mut applied =
        Applied { parts: &[], findings: &[], conflicts: &conflict, paused: false, generation: Some(1) };
    assert_eq!(progress(&applied, &past).unwrap().reason, "NameConflict");
    let findings = [of_topology(&TopologyState::Conflict(vec!["drain the queue".to_owned()]))];
    (applied.conflicts, applied.findings) = (&[], &findings);
    let stalled = progress(&applied, &past).unwrap();
    assert_eq!((stalled.type_, stalled.reason.as_str()), (ConditionType::Stalled, "TopologyConflict"));
    assert_eq!(stalled.message, "TopologyReady: drain the queue");
}

#[test]
fn a_refused_spec_is_stalled_at_once_and_a_missing_secret_after_half_a_minute() {
    let missing = validate::Error::SecretMissing { field: "smtp", secret: "smtp".to_owned() };
    let ready = before(vec![Finding::bad(ConditionType::Ready, "SecretMissing", "")]);
    let type_of = |error: &validate::Error, conditions: &[Condition], second| {
        refused(error, &Past { conditions, generation: Some(1), now: at(second) }).type_
    };
    assert_eq!(type_of(&validate::Error::TrustedProxy, &[], 0), ConditionType::Stalled);
    assert_eq!(type_of(&missing, &[], 1_000), ConditionType::Reconciling);
    assert_eq!(type_of(&missing, &ready, 29), ConditionType::Reconciling);
    assert_eq!(type_of(&missing, &ready, 30), ConditionType::Stalled);
}
