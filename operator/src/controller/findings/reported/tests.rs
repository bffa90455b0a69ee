use std::time::Duration;

use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
    jiff::Timestamp,
};

use super::{MAX_AGE, Past, PodReport, Reports, of_external_server, of_service};
use crate::{
    conditions::{ConditionType, Finding, stamp},
    names::Part,
    pod_reports::{
        Said,
        report::{Check, Report, Trouble},
    },
};

/// The time of every reconcile here.
const NOW: i64 = 1_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn available(type_: ConditionType) -> Finding {
    Finding::good(type_, "Available", "2 of 2 pods serve")
}

/// A check that cannot be used, since some seconds.
fn unusable(name: &str, reason: &str, seconds: i64) -> Check {
    let message = format!("{reason}, check {name}.");
    let reason = reason.to_owned();
    Check { name: name.to_owned(), trouble: Some(Trouble { reason, message, since: at(NOW - seconds) }) }
}

fn usable(name: &str) -> Check {
    Check { name: name.to_owned(), trouble: None }
}

fn pod(name: &str, ready: bool, said: Said) -> PodReport {
    PodReport { pod: name.to_owned(), ready, said }
}

fn reporting(name: &str, checks: &[Check]) -> PodReport {
    pod(name, true, Said::Report(Report { checks: checks.to_vec() }))
}

fn past(conditions: &[Condition]) -> Past<'_> {
    Past { conditions, generation: Some(1), now: at(NOW) }
}

fn user_service(pods: &[PodReport]) -> Finding {
    of_service(available(ConditionType::UserServiceReady), pods, &past(&[]))
}

fn mail_service(pods: &[PodReport]) -> Finding {
    of_service(available(ConditionType::MailServiceReady), pods, &past(&[]))
}

fn in_brief(finding: &Finding) -> (&'static str, &str) {
    (finding.status, &finding.reason)
}

#[test]
fn a_service_whose_pods_can_use_everything_is_as_its_workload_says() {
    let pods = [reporting("a", &[usable("redis")]), reporting("b", &[usable("redis")])];
    assert_eq!(user_service(&pods), available(ConditionType::UserServiceReady));
}

#[test]
fn a_service_none_of_whose_pods_can_work_is_not_ready_for_the_reason_that_most_of_them_give() {
    let pods = [
        reporting("a", &[unusable("rabbitmq", "RabbitMqUnreachable", 5)]),
        reporting("b", &[unusable("redis", "RedisFull", 5)]),
        reporting("c", &[usable("rabbitmq"), unusable("redis", "RedisFull", 5)]),
    ];
    let found = user_service(&pods);
    assert_eq!((in_brief(&found), found.recent), (("False", "RedisFull"), false));
    assert_eq!(found.message, "2 of 2 pods serve; none of them can be used: RedisFull, check redis.");
}

#[test]
fn a_service_of_which_some_pods_can_work_is_ready_with_a_warning_that_names_the_others() {
    let pods =
        [reporting("a", &[usable("redis")]), reporting("b", &[unusable("redis", "RedisUnreachable", 5)])];
    let found = user_service(&pods);
    assert_eq!((in_brief(&found), found.is_warning()), (("True", "PartlyUnusable"), true));
    assert!(
        found.message.ends_with("not all of them can be used: b: RedisUnreachable, check redis."),
        "{}",
        found.message
    );
}

#[test]
fn pods_of_an_older_image_count_as_their_own_probe_says() {
    let old = [pod("a", true, Said::Nothing)];
    assert_eq!(user_service(&old), available(ConditionType::UserServiceReady));
    let mixed = [pod("a", true, Said::Nothing), reporting("b", &[unusable("redis", "RedisUnreachable", 5)])];
    assert_eq!(in_brief(&user_service(&mixed)), ("True", "PartlyUnusable"));
}

#[test]
fn pods_that_do_not_answer_are_unknown_and_ready_stays_as_it_was_for_a_moment() {
    let silent = |time| [pod("a", true, Said::Silent(time))];
    let found = user_service(&silent(MAX_AGE));
    assert_eq!((in_brief(&found), found.recent), (("Unknown", "NoReport"), false));
    assert!(user_service(&silent(Duration::from_secs(2))).recent);
    let mixed = [pod("a", true, Said::Silent(MAX_AGE)), reporting("b", &[usable("redis")])];
    assert_eq!(user_service(&mixed).status, "True");
}

#[test]
fn a_pod_that_is_not_ready_does_not_speak_for_the_service_but_explains_a_rollout() {
    let new =
        pod("new", false, Said::Report(Report { checks: vec![unusable("redis", "RedisAccessDenied", 5)] }));
    let pods = [reporting("old", &[usable("redis")]), new];
    let updating = Finding::good(ConditionType::UserServiceReady, "Updating", "2 of 2 pods serve");
    let found = of_service(updating, &pods, &past(&[]));
    assert_eq!(in_brief(&found), ("True", "Updating"));
    assert_eq!(found.message, "2 of 2 pods serve; not ready: new: RedisAccessDenied, check redis.");
}

#[test]
fn a_service_that_does_not_become_ready_gives_the_reason_of_its_pods() {
    let pods =
        [pod("a", false, Said::Report(Report { checks: vec![unusable("redis", "RedisHostNotFound", 5)] }))];
    let starting = Finding::bad(ConditionType::UserServiceReady, "Starting", "0 of 2 pods serve");
    assert_eq!(in_brief(&of_service(starting, &pods, &past(&[]))), ("False", "RedisHostNotFound"));
    let crashing = Finding::bad(ConditionType::UserServiceReady, "Crashing", "0 of 2 pods serve");
    assert_eq!(in_brief(&of_service(crashing, &pods, &past(&[]))), ("False", "Crashing"));
}

#[test]
fn keys_that_cannot_be_read_again_are_a_warning() {
    let pods = [reporting("a", &[usable("redis"), unusable("signing-keys", "SigningKeysMissing", 5)])];
    let found = user_service(&pods);
    assert_eq!((in_brief(&found), found.is_warning()), (("True", "SigningKeysMissing"), true));
}

#[test]
fn a_reason_of_a_later_release_is_shown_as_it_is() {
    let pods = [reporting("a", &[unusable("smtp", "SmtpOfTomorrow", 90)])];
    assert_eq!(in_brief(&mail_service(&pods)), ("False", "SmtpOfTomorrow"));
}

#[test]
fn mail_that_cannot_be_handed_over_counts_after_a_minute() {
    let smtp = |seconds| unusable("smtp", "SmtpAuthenticationFailed", seconds);
    let recent = |first, second| {
        mail_service(&[reporting("a", &[smtp(first)]), reporting("b", &[smtp(second)])]).recent
    };
    assert!(recent(59, 300), "one of them worked a moment ago");
    assert!(!recent(60, 300));
    let found = mail_service(&[reporting("a", &[smtp(1)])]);
    assert_eq!(in_brief(&found), ("False", "SmtpAuthenticationFailed"));
}

#[test]
fn a_mail_server_that_fails_in_one_way_after_another_is_not_recent_for_ever() {
    let before = vec![Finding::bad(ConditionType::MailServiceReady, "SmtpUnreachable", "")];
    let before = stamp(before, &[], Some(1), &Time(at(NOW - 60)));
    let pods = [reporting("a", &[unusable("smtp", "SmtpTlsFailed", 1)])];
    let found = of_service(available(ConditionType::MailServiceReady), &pods, &past(&before));
    assert!(!found.recent);
}

fn redis(checks: &[Check]) -> Finding {
    let pod = |check: &Check| reporting("a", std::slice::from_ref(check));
    let reports = Reports { user_service: checks.iter().map(pod).collect(), mail_service: Vec::new() };
    of_external_server(Part::Redis, &reports)
}

#[test]
fn an_external_server_is_as_the_services_say() {
    let down = || unusable("redis", "RedisUnreachable", 5);
    assert_eq!(in_brief(&redis(&[usable("redis")])), ("True", "External"));
    assert_eq!(in_brief(&redis(&[down()])), ("False", "RedisUnreachable"));
    assert_eq!(in_brief(&redis(&[usable("redis"), down()])), ("True", "PartlyUnusable"));
    assert_eq!(in_brief(&redis(&[unusable("redis", "Starting", 1)])), ("Unknown", "NoReport"));
    assert_eq!(in_brief(&redis(&[])), ("Unknown", "NoReport"));
}

#[test]
fn a_missing_queue_is_no_fault_of_an_external_broker() {
    let pod = reporting("a", &[unusable("rabbitmq", "QueueMissing", 5)]);
    let reports = Reports { user_service: vec![pod], mail_service: Vec::new() };
    assert_eq!(in_brief(&of_external_server(Part::RabbitMq, &reports)), ("True", "External"));
}
