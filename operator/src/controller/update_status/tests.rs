use super::{after_refusal, changed, known::workloads, note_pause, past};
use crate::{
    controller::{
        apply::Outcome,
        conditions::{ConditionType, Finding, stamp},
        validate,
    },
    fixtures::{self, MINIMAL},
};
use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
    jiff::Timestamp,
};

mod stuck_rollout;

fn condition(type_: ConditionType, status: &'static str, reason: &str) -> Condition {
    let (reason, message) = (reason.to_owned(), String::new());
    let finding = Finding { type_, status, reason, message, impaired: false, recent: false };
    stamp(vec![finding], &[], Some(1), &Time(Timestamp::UNIX_EPOCH)).remove(0)
}

#[test]
fn an_event_is_for_a_change_of_status_or_reason_only() {
    let before = [
        condition(ConditionType::Ready, "False", "Starting"),
        condition(ConditionType::RedisReady, "True", "Available"),
    ];
    let same = before.clone();
    assert_eq!(changed(&before, &same), Vec::<&Condition>::new());
    let after = [
        condition(ConditionType::Ready, "False", "ImagePull"),
        condition(ConditionType::RedisReady, "True", "Available"),
    ];
    assert_eq!(changed(&before, &after), [&after[0]]);
}

#[test]
fn the_first_look_at_a_stack_tells_of_the_summary_only() {
    let after = [
        condition(ConditionType::Ready, "False", "Starting"),
        condition(ConditionType::RedisReady, "False", "Starting"),
    ];
    assert_eq!(changed(&[], &after), [&after[0]]);
}

#[test]
fn a_standstill_is_an_event_at_once_and_a_rollout_is_none() {
    let ready = || condition(ConditionType::Ready, "True", "Ready");
    let stalled = condition(ConditionType::Stalled, "True", "ImagePull");
    let reconciling = condition(ConditionType::Reconciling, "True", "RollingOut");
    let before = [ready(), reconciling.clone()];
    assert_eq!(changed(&before, &[ready(), stalled.clone()]), [&stalled]);
    assert_eq!(changed(&[ready()], &before), Vec::<&Condition>::new());
    assert_eq!(changed(&[ready(), stalled], &[ready()]), Vec::<&Condition>::new());
}

#[test]
fn a_refused_spec_is_one_event_and_not_two() {
    let ready = condition(ConditionType::Ready, "False", "InvalidSpec");
    let after = [ready.clone(), condition(ConditionType::Stalled, "True", "InvalidSpec")];
    assert_eq!(changed(&[condition(ConditionType::Ready, "True", "Ready")], &after), [&ready]);
}

#[test]
fn a_refused_spec_is_the_summary_in_the_errors_words() {
    let known = after_refusal(&validate::Error::TrustedProxy, &past(&fixtures::stack(MINIMAL)));
    let found = known.findings.iter().map(|finding| (finding.type_, finding.status, finding.reason.as_str()));
    let stalled = (ConditionType::Stalled, "True", "InvalidSpec");
    assert_eq!(found.collect::<Vec<_>>(), [(ConditionType::Ready, "False", "InvalidSpec"), stalled]);
}

#[test]
fn a_pause_is_a_condition_while_it_lasts() {
    let mut findings = Vec::new();
    note_pause(&mut findings, false);
    assert!(findings.is_empty());
    note_pause(&mut findings, true);
    assert_eq!(findings[0].type_, ConditionType::Paused);
}

#[test]
fn nothing_applied_means_no_workloads() {
    assert!(workloads(&Outcome::default()).is_empty());
}
