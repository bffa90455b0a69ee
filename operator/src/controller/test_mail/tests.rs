use k8s_openapi::{
    api::{batch::v1::Job, core::v1::Pod},
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
    jiff::Timestamp,
};
use ping_contract::test_mail::{TestMailReport, TestMailResult};
use pingstack_crd::smtp::Smtp;
use serde_json::{from_value, json};

use super::{TEST_MAIL_SENT, advice, finding, unfinished};
use crate::{
    conditions::{Finding, stamp},
    fixtures::{self, FULL},
};

fn smtp() -> Smtp {
    fixtures::stack(FULL).spec.smtp
}

fn job(ended: Option<&str>) -> Job {
    let conditions = ended.map(|type_| json!([{ "type": type_, "status": "True" }]));
    from_value(json!({ "metadata": { "name": "demo-test-mail-1" }, "status": { "conditions": conditions } }))
        .unwrap()
}

/// A pod that ended at a second of the hour with these last words.
fn pod(second: u8, message: &str) -> Pod {
    from_value(json!({ "metadata": { "name": "p" }, "status": { "containerStatuses": [{
        "name": "test-mail", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
        "state": { "terminated": {
            "exitCode": 1, "message": message, "finishedAt": format!("2026-11-01T10:00:{second:02}Z"),
        } },
    }] } }))
    .unwrap()
}

fn before(reason: &str) -> Condition {
    let finding = match reason {
        "Sending" => Finding::unknown(TEST_MAIL_SENT, reason, ""),
        _ => Finding::bad(TEST_MAIL_SENT, reason, ""),
    };
    stamp(vec![finding], &[], Some(1), &Time(Timestamp::UNIX_EPOCH)).remove(0)
}

#[test]
fn the_newest_try_is_told_and_what_is_no_report_is_not() {
    let pods = [
        pod(9, "LoginRefused 535 5.7.8"),
        pod(1, "Unreachable"),
        pod(20, "RecipientRefused 550 <ada@example.org> is gone"),
    ];
    let found = unfinished(&job(Some("Failed")), &smtp(), &pods, None).unwrap();
    assert_eq!((found.status, found.reason.as_str()), ("False", "LoginRefused"));
    assert!(found.message.contains("EMAIL_PASSWORD"), "{}", found.message);
    assert!(found.message.contains("(it answered 535 5.7.8)"), "{}", found.message);
    assert!(found.message.ends_with("delete the Job demo-test-mail-1"), "{}", found.message);
}

#[test]
fn a_server_that_is_away_is_tried_again_until_the_job_gives_up() {
    let at_work = unfinished(&job(None), &smtp(), &[pod(1, "Unreachable")], None).unwrap();
    assert!(at_work.message.ends_with("it is tried again"), "{}", at_work.message);
    let given_up = unfinished(&job(Some("Failed")), &smtp(), &[pod(1, "Unreachable")], None).unwrap();
    assert!(given_up.message.contains("smtp.example.org:587"), "{}", given_up.message);
    assert!(given_up.message.contains("delete the Job"), "{}", given_up.message);
}

#[test]
fn a_pod_that_has_not_ended_is_on_its_way_or_says_what_keeps_it() {
    let waiting = |reason: &str| {
        from_value::<Pod>(json!({ "metadata": { "name": "p" }, "status": { "containerStatuses": [{
            "name": "test-mail", "image": "registry/x:1", "imageID": "", "ready": false, "restartCount": 0,
            "state": { "waiting": { "reason": reason } },
        }] } }))
        .unwrap()
    };
    for (reason, told) in [("ContainerCreating", "Sending"), ("ImagePullBackOff", "ImagePull")] {
        let found = unfinished(&job(None), &smtp(), &[waiting(reason)], None).unwrap();
        assert_eq!((found.status, found.reason.as_str()), ("Unknown", told));
    }
}

#[test]
fn a_report_outlives_the_pod_that_left_it() {
    let failed = job(Some("Failed"));
    assert_eq!(unfinished(&failed, &smtp(), &[], Some(&before("SenderRefused"))), None);
    let unknown = unfinished(&failed, &smtp(), &[], Some(&before("Sending"))).unwrap();
    assert_eq!((unknown.status, unknown.reason.as_str()), ("Unknown", "NoReport"));
}

#[test]
fn every_answer_says_what_to_do_and_no_recipient() {
    for answer in TestMailResult::ALL {
        let found = finding(&TestMailReport { answer, cause: None, reply: None }, &smtp(), &job(None));
        assert_eq!(found.status == "True", answer == TestMailResult::Delivered, "{}", answer.name());
        let advice = advice(answer, &smtp());
        assert!(
            ["check", "look", "ask", "set", "come back"].iter().any(|verb| advice.contains(verb)),
            "{advice}"
        );
        assert!(!found.message.contains("you@example.org"), "{}", found.message);
    }
}

#[test]
fn the_report_is_read_beside_the_sidecar_of_a_mesh() {
    let mut pod = serde_json::to_value(pod(9, "Delivered")).unwrap();
    let sidecar = json!({
        "name": "istio-proxy", "image": "i", "imageID": "", "ready": true, "restartCount": 0,
        "state": { "running": { "startedAt": "2026-11-01T10:00:00Z" } },
    });
    pod["status"]["containerStatuses"].as_array_mut().unwrap().insert(0, sidecar);
    let found = unfinished(&job(None), &smtp(), &[from_value(pod).unwrap()], None).unwrap();
    assert_eq!((found.status, found.reason.as_str()), ("True", "Delivered"));
}

#[test]
fn a_cause_says_what_is_wrong_and_where_in_the_spec_to_look() {
    for (last_words, said, setting) in [
        ("TlsFailed WrongName", "another host name", "smtp.host"),
        ("TlsFailed UnknownCa", "unknown authority", "smtp.caSecretRef"),
        ("TlsFailed Expired", "has expired", "smtp.caSecretRef"),
        ("TlsFailed PlainPort", "speaks no TLS", "smtp.port"),
        ("LoginRefused NoAuth", "offers no login", "smtp.credentialsSecretRef"),
        ("LoginRefused OAuthOnly", "OAuth", "smtp.credentialsSecretRef"),
    ] {
        let report = last_words.parse::<TestMailReport>().unwrap();
        let found = finding(&report, &smtp(), &job(None));
        assert_eq!(last_words.split(' ').next(), Some(found.reason.as_str()));
        assert!(found.message.contains(said) && found.message.contains(setting), "{}", found.message);
    }
}
