use super::{after_refusal, changes::Pass, known::workloads, note_pause, past};
use crate::{
    conditions::{ConditionType, Finding, stamp},
    controller::{apply::Outcome, validate},
    fixtures::{self, MINIMAL},
};
use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
    jiff::Timestamp,
};

mod ordinary_start;
mod stuck_rollout;

fn condition(type_: ConditionType, status: &'static str, reason: &str) -> Condition {
    let reason = reason.to_owned();
    let message = String::new();
    let finding = Finding { type_, status, reason, message, impaired: false, recent: false };
    stamp(vec![finding], &[], Some(1), &Time(Timestamp::UNIX_EPOCH)).remove(0)
}

/// A pass of a stack with a Redis and a broker of its own.
fn pass<'a>(before: &'a [Condition], after: &'a [Condition]) -> Pass<'a> {
    Pass { before, after, impaired: &[], redis_is_managed: true, broker_is_managed: true }
}

fn changed<'a>(before: &'a [Condition], after: &'a [Condition]) -> Vec<&'a Condition> {
    pass(before, after).changes()
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
fn another_cause_of_the_same_reason_is_an_event() {
    let missing = |secret: &str| {
        let message = format!("the Secret {secret} does not exist");
        let ready = condition(ConditionType::Ready, "False", "SecretMissing");
        [Condition { message: message.clone(), ..ready }]
    };
    assert_eq!(changed(&missing("smtp"), &missing("smtp")), Vec::<&Condition>::new());
    let after = missing("directory");
    assert_eq!(changed(&missing("smtp"), &after), [&after[0]]);
}

#[test]
fn what_ready_says_of_a_part_the_part_does_not_say_too() {
    let of = |status, ready, redis| {
        [condition(ConditionType::Ready, status, ready), condition(ConditionType::RedisReady, status, redis)]
    };
    let (works, broken) = (of("True", "Ready", "Available"), of("False", "Crashing", "Crashing"));
    assert_eq!(changed(&works, &broken), [&broken[0]]);
    assert!(pass(&works, &broken).is_warning(&broken[0]));
    assert_eq!(changed(&broken, &works), [&works[0]]);
    assert!(!pass(&broken, &works).is_warning(&works[0]));
}

#[test]
fn what_stops_serving_is_a_warning_though_a_start_has_the_same_reason() {
    let ready = |status, reason| condition(ConditionType::Ready, status, reason);
    let starting = [ready("False", "Starting")];
    assert!(!pass(&[], &starting).is_warning(&starting[0]));
    assert!(pass(&[ready("True", "Ready")], &starting).is_warning(&starting[0]));
    let unreachable = [ready("False", "RedisUnreachable")];
    assert!(!pass(&starting, &unreachable).is_warning(&unreachable[0]));
    let external = Pass { redis_is_managed: false, ..pass(&starting, &unreachable) };
    assert!(external.is_warning(&unreachable[0]));
    assert_eq!(external.changes(), [&unreachable[0]]);
}

#[test]
fn a_standstill_that_was_an_event_when_it_began_is_not_one_again() {
    let failed = [condition(ConditionType::Ready, "False", "SecretMissing")];
    let stalled = condition(ConditionType::Stalled, "True", "SecretMissing");
    assert_eq!(changed(&failed, &[failed[0].clone(), stalled]), Vec::<&Condition>::new());
    let waiting = [condition(ConditionType::Ready, "False", "VolumePending")];
    let stalled = [waiting[0].clone(), condition(ConditionType::Stalled, "True", "VolumePending")];
    assert_eq!(changed(&waiting, &stalled), [&stalled[1]], "two minutes are not an ordinary start");
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
