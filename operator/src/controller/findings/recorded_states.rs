//! Objects in each state that matters to GitOps tools, with the judgements that they must make:
//! `tests/cluster/gitops/states.json`. The program beside that file makes them with the tools' own code.

use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time},
    jiff::Timestamp,
};
use kube::core::error_boundary::InvalidObject;
use pingstack_crd::status::NOT_OBSERVED;
use serde_json::{Value, json};

use super::{Applied, Past, progress, summary};
use crate::{
    conditions::{ConditionType, Finding, stamp},
    controller::{
        unreadable,
        update_status::{Failure, Weight, after_failure, after_refusal, note_pause},
        validate,
    },
};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn nothing_before() -> Past<'static> {
    Past { conditions: &[], generation: Some(1), now: NOW }
}

fn object(observed: i64, findings: Vec<Finding>) -> Value {
    let conditions = stamp(findings, &[], Some(observed), &Time(NOW));
    json!({
        "apiVersion": "pingstack.dev/v1beta1", "kind": "PingStack",
        "metadata": { "name": "demo", "namespace": "shop", "generation": 1 },
        "spec": {},
        "status": { "observedGeneration": observed, "conditions": conditions },
    })
}

fn ready() -> Finding {
    let serves = Finding::good(ConditionType::UserServiceReady, "Available", "2 of 2 pods serve");
    summary(&[serves], &[], &nothing_before())
}

fn not_ready(worst: Finding) -> Finding {
    summary(&[worst], &[], &nothing_before())
}

fn starting() -> Finding {
    not_ready(Finding::bad(ConditionType::RedisReady, "Starting", "0 of 1 pods serve"))
}

fn not_known() -> Finding {
    not_ready(Finding::unknown(ConditionType::TopologyReady, "QueueMembersUnknown", "most brokers are away"))
}

fn rolling() -> Finding {
    Finding::good(ConditionType::Reconciling, "RollingOut", "user-service: 2 of 2 pods serve")
}

fn stalled() -> Finding {
    Finding::good(ConditionType::Stalled, "ImagePull", "user-service: the image x cannot be pulled")
}

fn refused(error: &validate::Error) -> Vec<Finding> {
    after_refusal(error, &nothing_before()).findings
}

fn failed(weight: Weight) -> Vec<Finding> {
    let message = "the Service demo cannot be applied".to_owned();
    after_failure(Failure { reason: "ApplyFailed", message, weight }).findings
}

fn conflict() -> Vec<Finding> {
    let conflicts = ["Service demo-redis".to_owned()];
    let applied =
        Applied { parts: &[], findings: &[], conflicts: &conflicts, paused: false, generation: Some(1) };
    let stalled = progress(&applied, &nothing_before());
    [summary(&[], &conflicts, &nothing_before())].into_iter().chain(stalled).collect()
}

fn paused() -> Vec<Finding> {
    let mut findings = vec![ready()];
    note_pause(&mut findings, true);
    findings
}

fn being_deleted() -> Value {
    let mut object = object(1, vec![ready()]);
    object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    object["metadata"]["finalizers"] = json!(["foregroundDeletion"]);
    object
}

fn cannot_be_read() -> Value {
    let invalid =
        InvalidObject { error: "spec.smtp is a number".to_owned(), metadata: ObjectMeta::default() };
    let conditions = unreadable::conditions_after(&[], &invalid, &Time(NOW));
    let mut object = object(1, Vec::new());
    object["status"]["conditions"] = json!(conditions);
    object
}

#[test]
fn states_that_gitops_tools_judge_are_recorded() {
    let secret = validate::Error::SecretMissing { field: "users", secret: "directory".to_owned() };
    let states = [
        ("no operator has read it", "InProgress", "Progressing", object(NOT_OBSERVED, Vec::new())),
        ("the change is not observed yet", "InProgress", "Progressing", object(0, vec![ready()])),
        ("it starts", "InProgress", "Progressing", object(1, vec![starting(), rolling()])),
        ("it is ready", "Current", "Healthy", object(1, vec![ready()])),
        ("it rolls while old pods serve", "InProgress", "Progressing", object(1, vec![ready(), rolling()])),
        (
            "new pods cannot start while old ones serve",
            "Failed",
            "Degraded",
            object(1, vec![ready(), stalled()]),
        ),
        ("its spec is refused", "Failed", "Degraded", object(1, refused(&validate::Error::TrustedProxy))),
        ("a Secret may be about to come", "InProgress", "Progressing", object(1, refused(&secret))),
        ("a request may work later", "InProgress", "Progressing", object(1, failed(Weight::MayPass))),
        ("a request is refused for good", "Failed", "Degraded", object(1, failed(Weight::Lasts))),
        ("another's object is in the way", "Failed", "Degraded", object(1, conflict())),
        ("a server is away", "InProgress", "Degraded", object(1, vec![starting()])),
        ("it is not known", "InProgress", "Progressing", object(1, vec![not_known()])),
        ("it is paused", "Current", "Suspended", object(1, paused())),
        ("it is being deleted", "Terminating", "Progressing", being_deleted()),
        ("it cannot be read", "Failed", "Degraded", cannot_be_read()),
    ];
    let states = states.into_iter().map(|(name, kstatus, argocd, object)| {
        json!({ "name": name, "kstatus": kstatus, "argocd": argocd, "object": object })
    });
    let text = serde_json::to_string_pretty(&states.collect::<Vec<_>>()).unwrap();
    test_kit::documents::assert_file("tests/cluster/gitops/states.json", &format!("{text}\n"));
}
