use serde_json::{Value, json};

use super::{Mails, screen};

/// 2026-11-29T10:00:00Z
const NOW: i64 = 1_795_946_400;

fn condition(type_: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({
        "type": type_, "status": status, "reason": reason, "message": message,
        "lastTransitionTime": "2026-11-29T09:55:00Z", "observedGeneration": 3,
    })
}

fn stack(conditions: &[Value]) -> Value {
    json!({
        "metadata": { "name": "demo", "namespace": "shop", "generation": 3 },
        "spec": { "login": { "codeTtlSeconds": 300 } },
        "status": {
            "observedGeneration": 3, "conditions": conditions, "queue": { "messages": 2, "consumers": 1 },
            "syntheticLogin": { "time": "2026-11-29T09:58:00Z", "reason": "SignedIn", "codeAfterMilliseconds": 740 },
        },
    })
}

fn workloads() -> Value {
    json!({ "items": [{
        "metadata": { "labels": { "pingstack.dev/part": "user-service" } },
        "spec": { "replicas": 2, "template": { "spec": { "containers": [
            { "name": "mesh", "image": "mesh:1" }, { "name": "user-service", "image": "example.org/user-service:0.2.0" },
        ] } } },
        "status": { "readyReplicas": 1 },
    }] })
}

#[test]
fn a_stack_that_works_is_one_screen_of_short_lines() {
    let conditions = [
        condition("Ready", "True", "Ready", "users can sign in"),
        condition("RedisReady", "True", "Available", "x"),
    ];
    let mails = Mails { oldest_expires: Some(NOW + 288), parked: Some(1) };
    assert_eq!(
        screen(&stack(&conditions), &workloads(), &mails, NOW),
        "demo in shop: users can sign in\n\
         \n\
         \x20 ok  users can sign in\n\
         \x20 ok  Redis works\n\
         \n\
         queue        2 mails wait, 1 consumer; the oldest for 12 s, its code has 4 min left\n\
         parked       1 could not be delivered: kubectl ping mails says why\n\
         test login   worked 2 min ago, the code came after 0.7 s\n\
         user-service example.org/user-service:0.2.0, 1 of 2 pods\n"
    );
}

#[test]
fn what_does_not_work_says_since_when_and_what_the_operator_advises() {
    let conditions = [
        condition(
            "Ready",
            "False",
            "SmtpLoginRefused",
            "MailServiceReady: the mail server refuses the login",
        ),
        condition("MailServiceReady", "False", "SmtpLoginRefused", "the mail server refuses the login"),
        condition("AutoscalingReady", "Unknown", "NotMeasured", "no sample yet"),
        condition("Paused", "True", "Paused", "nothing is changed until spec.paused is false again"),
        condition("LaterReady", "False", "Later", "a condition of a later operator"),
    ];
    let mut stack = stack(&conditions);
    stack["metadata"]["generation"] = json!(4);
    stack["status"]["syntheticLogin"] = json!({ "time": "2026-11-29T09:00:00Z", "reason": "MailMissing" });
    let shown = screen(&stack, &Value::Null, &Mails::default(), NOW);
    for line in [
        "demo in shop: users cannot sign in",
        "  the newest change is not in what follows: the operator has not read it yet",
        "  !!  users cannot sign in for 5 min (SmtpLoginRefused)",
        "  !!  mails cannot be handed to the mail server for 5 min (SmtpLoginRefused)",
        "        the mail server refuses the login",
        "  ??  whether the number of mail consumers follows the queue is not known for 5 min (NotMeasured)",
        "  !!  the stack is paused for 5 min (Paused)",
        "  !!  LaterReady is False for 5 min (Later)",
        "queue        2 mails wait, 1 consumer",
        "test login   failed 60 min ago: MailMissing",
    ] {
        assert!(shown.lines().any(|one| one == line), "{line} is not in\n{shown}");
    }
}

#[test]
fn a_stack_that_no_operator_has_seen_says_so() {
    let new = json!({ "metadata": { "name": "demo", "namespace": "shop", "generation": 1 }, "status": { "conditions": [] } });
    let shown = screen(&new, &Value::Null, &Mails::default(), NOW);
    assert!(shown.starts_with("demo in shop: no operator has looked at it yet\n"), "{shown}");
    assert!(shown.contains("queue        not counted yet\n"), "{shown}");
}
