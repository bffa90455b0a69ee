use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use pingstack_crd::{PingStack, synthetic_login::SyntheticLogin};
use serde_json::json;
use service_kit::{metrics::Metrics, shutdown::Shutdown};
use sign_in_check::{Failure, SignedIn, Step};

use super::{Duration, SignInMetrics, SyntheticLogins, Touch, result::SignInResult, url};
use crate::{
    conditions::{self, ConditionType},
    fixtures::{self, MINIMAL},
};

fn wants_sign_ins() -> PingStack {
    let mut stack = fixtures::stack(MINIMAL);
    stack.spec.monitoring.synthetic_login = Some(SyntheticLogin::default());
    stack
}

fn touch() -> (Touch, Arc<AtomicUsize>) {
    let touched = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&touched);
    (
        Arc::new(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
        }),
        touched,
    )
}

fn result(outcome: Result<SignedIn, Failure>) -> SignInResult {
    SignInResult { at: Timestamp::UNIX_EPOCH, outcome, request: Some("now".to_owned()) }
}

#[test]
fn the_stacks_service_is_reached_as_its_clients_reach_it() {
    assert_eq!(url(&fixtures::stack_id()), "http://demo-user-service.team.svc");
}

#[tokio::test]
async fn a_stack_that_wants_no_sign_ins_has_no_condition_and_no_status() {
    let logins = fixtures::synthetic_logins();
    let (id, stack) = (fixtures::stack_id(), fixtures::stack(MINIMAL));
    logins.follow(&id, &stack, true, &touch().0);
    assert!(logins.stacks().is_empty());
    assert_eq!((logins.finding(&id, &stack, None), logins.status(&id, &stack)), (None, None));
}

#[tokio::test]
async fn before_the_first_result_the_condition_is_unknown_or_stays_as_another_replica_wrote_it() {
    let logins = fixtures::synthetic_logins();
    let (id, mut stack) = (fixtures::stack_id(), wants_sign_ins());
    logins.follow(&id, &stack, false, &touch().0);
    let finding = logins.finding(&id, &stack, None).unwrap();
    assert_eq!((finding.status, finding.reason.as_str()), ("Unknown", "NotTried"));
    let past = conditions::stamp(vec![finding], &[], None, &Time(Timestamp::UNIX_EPOCH));
    assert_eq!(logins.finding(&id, &stack, past.first()), None);
    let status = result(Ok(SignedIn { code_after: Duration::from_secs(1) })).status();
    stack.status.get_or_insert_default().synthetic_login = Some(status.clone());
    assert_eq!(logins.status(&id, &stack), Some(status));
}

#[tokio::test]
async fn a_result_becomes_condition_status_and_metrics_until_the_stack_is_forgotten() {
    let registry = Metrics::new("ping-operator", "0");
    let logins = SyntheticLogins::new(SignInMetrics::new(&registry), Shutdown::new());
    let (id, stack) = (fixtures::stack_id(), wants_sign_ins());
    logins.follow(&id, &stack, true, &touch().0);
    logins.record(&id, result(Ok(SignedIn { code_after: Duration::from_millis(700) })));
    let finding = logins.finding(&id, &stack, None).unwrap();
    assert_eq!((finding.type_, finding.status), (ConditionType::SignInWorks, "True"));
    assert_eq!(logins.status(&id, &stack).unwrap().request.as_deref(), Some("now"));
    logins.record(&id, result(Err(Failure::NoMail(Duration::from_mins(1)))));
    let finding = logins.finding(&id, &stack, None).unwrap();
    assert_eq!((finding.status, finding.reason.as_str()), ("False", "MailMissing"));
    // A limit is no verdict.
    logins.record(&id, result(Err(Failure::Refused { step: Step::Login, status: 429 })));
    let text = registry.encode();
    let stack_labels = r#"namespace="team",pingstack="demo""#;
    for line in [
        format!("pingstack_sign_in_works{{{stack_labels}}} 0"),
        format!("pingstack_sign_in_code_seconds_count{{{stack_labels}}} 1"),
        format!(r#"pingstack_sign_ins_total{{{stack_labels},outcome="SignedIn"}} 1"#),
        format!(r#"pingstack_sign_ins_total{{{stack_labels},outcome="MailMissing"}} 1"#),
        format!(r#"pingstack_sign_ins_total{{{stack_labels},outcome="LoginFailed"}} 0"#),
    ] {
        assert!(text.lines().any(|one| one == line), "{line} is not in\n{text}");
    }
    logins.forget(&id.uid);
    assert!(!registry.encode().contains("demo"), "{}", registry.encode());
    logins.record(&id, result(Err(Failure::NoCode)));
    assert!(!registry.encode().contains("demo"), "what ends after the stack is gone leaves nothing");
}

/// The Service's name does not resolve here, so that a sign-in fails at once.
#[tokio::test(start_paused = true)]
async fn a_new_value_of_the_annotation_asks_for_a_sign_in_at_once_and_the_served_one_does_not() {
    let logins = fixtures::synthetic_logins();
    let (touch, touched) = touch();
    let (id, mut stack) = (fixtures::stack_id(), wants_sign_ins());
    stack.status.get_or_insert_default().synthetic_login = Some(result(Err(Failure::NoCode)).status());
    let with_request = |value: &str| {
        let mut stack = stack.clone();
        let annotations = json!({ crate::names::SIGN_IN_ANNOTATION: value });
        stack.metadata.annotations = serde_json::from_value(annotations).unwrap();
        stack
    };
    logins.follow(&id, &with_request("now"), false, &touch);
    service_kit::backoff::pause(Duration::from_mins(30), &logins.shutdown).await.unwrap();
    assert_eq!(touched.load(Ordering::Relaxed), 0, "it is not ready, and the request was served");
    let again = with_request("again");
    logins.follow(&id, &again, false, &touch);
    while touched.load(Ordering::Relaxed) == 0 {
        service_kit::backoff::pause(Duration::from_secs(1), &logins.shutdown).await.unwrap();
    }
    let status = logins.status(&id, &again).unwrap();
    assert_eq!((status.reason.as_str(), status.request.as_deref()), ("LoginFailed", Some("again")));
}
