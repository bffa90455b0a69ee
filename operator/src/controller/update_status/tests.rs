use super::{after_refusal, changed, note_pause, workloads};
use crate::controller::{
    apply::Outcome,
    conditions::{Finding, stamp},
    validate,
};
use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
    jiff::Timestamp,
};

fn condition(type_: &'static str, status: &'static str, reason: &str) -> Condition {
    let finding = Finding { type_, status, reason: reason.to_owned(), message: String::new() };
    stamp(vec![finding], &[], Some(1), &Time(Timestamp::UNIX_EPOCH)).remove(0)
}

#[test]
fn an_event_is_for_a_change_of_status_or_reason_only() {
    let before = [condition("Ready", "False", "Starting"), condition("RedisReady", "True", "Available")];
    let same = before.clone();
    assert_eq!(changed(&before, &same), Vec::<&Condition>::new());
    let after = [condition("Ready", "False", "ImagePull"), condition("RedisReady", "True", "Available")];
    assert_eq!(changed(&before, &after), [&after[0]]);
}

#[test]
fn the_first_look_at_a_stack_tells_of_the_summary_only() {
    let after = [condition("Ready", "False", "Starting"), condition("RedisReady", "False", "Starting")];
    assert_eq!(changed(&[], &after), [&after[0]]);
}

#[test]
fn a_refused_spec_is_the_summary_in_the_errors_words() {
    let known = after_refusal(&validate::Error::TrustedProxy);
    assert_eq!(known.findings.len(), 1);
    assert_eq!((known.findings[0].type_, known.findings[0].reason.as_str()), ("Ready", "InvalidSpec"));
}

#[test]
fn a_pause_is_a_condition_while_it_lasts() {
    let mut findings = Vec::new();
    note_pause(&mut findings, false);
    assert!(findings.is_empty());
    note_pause(&mut findings, true);
    assert_eq!(findings[0].type_, "Paused");
}

#[test]
fn nothing_applied_means_no_workloads() {
    assert!(workloads(&Outcome::default()).is_empty());
}
