//! Conditions as the rules make them, at least one of each type, status and reason.

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use external_metrics::{Slot, Slots};
use k8s_openapi::{
    api::{batch::v1::Job, core::v1::Pod},
    apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta, Time},
    jiff::Timestamp,
};
use kube::core::{Status, error_boundary::InvalidObject};
use ping_contract::test_mail::{TestMailReport, TestMailResult};
use pingstack_crd::{
    services::{Autoscaling, AutoscalingProvider},
    status::QueueStatus,
};
use serde_json::{Value, from_value, json};

use super::Produced;
use crate::{
    autoscaling::{
        condition as autoscaling,
        sample::{Sample, Unreadable},
    },
    conditions::{ConditionType, Finding, reasons, stamp},
    controller::{
        self, apply, branding, brokers, build, dereference, diagnose,
        findings::{
            Applied, PartState, Past, Problem, of_external_server, of_ingress, of_pod_templates, of_service,
            of_topology, of_workload, progress, summary,
        },
        lost_volumes, monitoring, node_loss, test_mail,
        topology::{Queues, TopologyState},
        unreadable, update_status, validate,
        workload::{Refused, Workload},
    },
    fixtures::{self, FULL},
    names::{Part, StackId},
    pod_reports::{
        PodReport, Reports, Said,
        readings::MAX_AGE,
        report::{Check, Report, Trouble},
    },
    synthetic_login,
};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

pub(super) fn all() -> BTreeSet<Produced> {
    let produced = |finding: &Finding| {
        (finding.type_.name().to_owned(), finding.status.to_owned(), finding.reason.clone())
    };
    let of_condition =
        |condition: &Condition| (condition.type_.clone(), condition.status.clone(), condition.reason.clone());
    findings().iter().map(produced).chain(of_unreadable().iter().map(of_condition)).collect()
}

/// What the rules find in every state.
pub(super) fn findings() -> Vec<Finding> {
    let parts = part_states();
    let refusals = refusals();
    let findings = [
        of_summary(),
        parts.iter().map(of_workload).collect(),
        of_reports(),
        of_topologies(),
        of_autoscaling(),
        brokers::finding::examples(),
        of_monitoring(),
        of_node_loss(),
        of_ingresses(),
        of_test_mail(),
        of_pod_templates(true, &[]).into_iter().collect(),
        of_pod_templates(false, &["userService.podTemplate sets PORT".to_owned()]).into_iter().collect(),
        synthetic_login::examples(),
        branding::finding::examples(),
        of_progress(&parts),
        refusals,
        paused(),
    ];
    findings.into_iter().flatten().collect()
}

fn nothing_before() -> Past<'static> {
    Past { conditions: &[], generation: Some(1), now: NOW }
}

fn of_summary() -> Vec<Finding> {
    let conflict = ["Service demo-redis".to_owned()];
    vec![summary(&[], &[], &nothing_before()), summary(&[], &conflict, &nothing_before())]
}

/// What the steps before the last one end with.
fn refusals() -> Vec<Finding> {
    let field = "smtp.credentialsSecretRef";
    let missing = validate::Error::SecretMissing { field, secret: "smtp".to_owned() };
    let incomplete =
        validate::Error::KeyMissing { field, secret: "smtp".to_owned(), key: "EMAIL_USER".to_owned() };
    let mut findings = Vec::new();
    for error in [missing, incomplete, validate::Error::TrustedProxy] {
        let first = update_status::after_refusal(&error, &nothing_before()).findings;
        let before = stamp(first.clone(), &[], Some(1), &Time(NOW));
        let later = Timestamp::from_second(1_000).unwrap();
        let past = Past { conditions: &before, generation: Some(1), now: later };
        findings.extend(first);
        findings.extend(update_status::after_refusal(&error, &past).findings);
    }
    for error in failures() {
        let failure = controller::failure(&error).unwrap();
        findings.extend(update_status::after_failure(failure).findings);
    }
    findings
}

fn failures() -> Vec<controller::Error> {
    let kind = "Service";
    let answer = |code, message| kube::Error::Api(Box::new(Status::failure(message, "").with_code(code)));
    let apply = |code, message| {
        let source = answer(code, message);
        controller::Error::Apply(apply::Error::Apply { kind, name: "demo".to_owned(), source })
    };
    let read = |code| {
        let source = answer(code, "no");
        controller::Error::Dereference(dereference::Error::GetSecret { name: "smtp".to_owned(), source })
    };
    let field = ".spec".to_owned();
    vec![
        apply(422, "invalid"),
        apply(503, "later"),
        apply(403, "exceeded quota: q"),
        read(403),
        read(503),
        controller::Error::Build(build::Error::UnknownField { kind, field }),
    ]
}

fn of_unreadable() -> Vec<Condition> {
    let invalid = InvalidObject { error: "a number is a text".to_owned(), metadata: ObjectMeta::default() };
    unreadable::conditions_after(&[], &invalid, &Time(NOW))
}

/// Each part complete, rolling, starting, missing, and with each problem while enough pods serve and while none does.
fn part_states() -> Vec<PartState> {
    let serves = workload(1);
    let dead = workload(0);
    let complete = Workload { pods: 1, ..serves.clone() };
    let mut states = Vec::new();
    for part in Part::ALL {
        let mut add = |workload: Option<&Workload>, problem: Option<&Problem>| {
            states.push(PartState { part, workload: workload.cloned(), problem: problem.cloned() });
        };
        add(None, None);
        for workload in [&complete, &serves, &dead] {
            add(Some(workload), None);
        }
        let is_deployment = matches!(part, Part::UserService | Part::MailService);
        let deadline = is_deployment.then(diagnose::deadline_exceeded);
        let of_volumes = if part == Part::RabbitMq { lost_volumes::every_problem() } else { Vec::new() };
        for problem in problems().iter().chain(&deadline).chain(&of_volumes) {
            add(Some(&serves), Some(problem));
            add(Some(&dead), Some(problem));
        }
    }
    let workload = Some(Workload { desired: 0, pods: 0, updated: 0, ..dead });
    states.push(PartState { part: Part::MailService, workload: workload.clone(), problem: None });
    states.push(PartState { part: Part::UserService, workload, problem: None });
    states
}

/// In the middle of a roll.
fn workload(ready: i32) -> Workload {
    Workload { desired: 1, pods: 2, updated: 1, ready, observed: true, ..Workload::default() }
}

/// Every problem that can be seen, each for a long time.
fn problems() -> Vec<Problem> {
    let refused = |message: &str| diagnose::refusal(&Refused { message: message.to_owned(), since: None });
    let of_pods = pods_in_trouble().into_iter().map(|pod| diagnose::of_pod(&pod).unwrap());
    let awaited = diagnose::volume::example();
    let all = of_pods.chain([awaited, refused("exceeded quota: q"), refused("violates PodSecurity")]);
    all.map(|problem| Problem { since: Timestamp::from_second(-1_000).ok(), ..problem }).collect()
}

fn pods_in_trouble() -> Vec<Pod> {
    let pod =
        |status: Value| from_value::<Pod>(json!({ "metadata": { "name": "p" }, "status": status })).unwrap();
    let waiting = |reason: &str| {
        pod(json!({ "containerStatuses": [{
            "name": "x", "image": "x", "imageID": "", "ready": false, "restartCount": 3,
            "state": { "waiting": { "reason": reason } },
        }] }))
    };
    let unscheduled = |message: &str| {
        pod(json!({ "conditions": [{ "type": "PodScheduled", "status": "False", "message": message }] }))
    };
    vec![
        waiting("ImagePullBackOff"),
        waiting("CrashLoopBackOff"),
        waiting("CreateContainerConfigError"),
        unscheduled("Insufficient memory"),
    ]
}

/// A pod that says of one check that it can be used, or why it cannot.
fn reporting(check: &str, reason: Option<&str>) -> PodReport {
    let trouble =
        reason.map(|reason| Trouble { reason: reason.to_owned(), message: "No.".to_owned(), since: NOW });
    let checks = vec![Check { name: check.to_owned(), trouble }];
    PodReport { pod: "p".to_owned(), ready: true, said: Said::Report(Report { checks }) }
}

fn of_reports() -> Vec<Finding> {
    let silent = PodReport { pod: "p".to_owned(), ready: true, said: Said::Silent(MAX_AGE) };
    let mut findings = Vec::new();
    for type_ in [ConditionType::UserServiceReady, ConditionType::MailServiceReady] {
        let of =
            |pods: &[PodReport]| of_service(Finding::good(type_, "Available", ""), pods, &nothing_before());
        findings.push(of(std::slice::from_ref(&silent)));
        findings.push(of(&[reporting("redis", None), reporting("redis", Some("RedisFull"))]));
        findings.extend(reported(type_).map(|(check, reason)| of(&[reporting(check, Some(reason))])));
    }
    for server in [Part::Redis, Part::RabbitMq] {
        let of = |pods: &[PodReport]| {
            of_external_server(server, &Reports { user_service: pods.to_vec(), mail_service: Vec::new() })
        };
        let usable = reporting(server.name(), None);
        findings.extend([of(&[]), of(std::slice::from_ref(&usable))]);
        findings.push(of(&[usable, reporting(server.name(), Some("RedisFull"))]));
        let reasons = reported(ConditionType::of(server));
        findings.extend(reasons.map(|(check, reason)| of(&[reporting(check, Some(reason))])));
    }
    findings
}

/// The reasons that pods report of what a condition is about, each with the name of its check.
fn reported(type_: ConditionType) -> impl Iterator<Item = (&'static str, &'static str)> {
    reasons::of_server(type_).filter_map(|reason| Some((check_of(reason)?, reason)))
}

/// The check whose reason it is; `None` for those that follow from several reports.
fn check_of(reason: &str) -> Option<&'static str> {
    let checks = [
        ("Redis", "redis"),
        ("RabbitMq", "rabbitmq"),
        ("QueueMissing", "rabbitmq"),
        ("Directory", "directory"),
        ("SigningKeys", "signing-keys"),
        ("Smtp", "smtp"),
    ];
    checks.into_iter().find(|(beginning, _)| reason.starts_with(beginning)).map(|(_, check)| check)
}

fn of_topologies() -> Vec<Finding> {
    let applied = |wanted, fewest, warnings: &[&str]| {
        let warnings = warnings.iter().map(ToString::to_string).collect();
        let mail = None::<QueueStatus>;
        TopologyState::Applied(Queues {
            mail,
            fewest_members: fewest,
            wanted_members: wanted,
            warnings,
            ..Queues::default()
        })
    };
    let states = [
        TopologyState::Waiting,
        TopologyState::Failed("no answer".to_owned()),
        TopologyState::Split,
        TopologyState::UnsupportedVersion("upgrade it".to_owned()),
        TopologyState::Conflict(vec!["drain the queue".to_owned()]),
        applied(Some(3), Some(3), &[]),
        applied(Some(3), Some(1), &[]),
        applied(Some(3), None, &[]),
        applied(None, None, &["something"]),
    ];
    states.iter().map(of_topology).collect()
}

fn of_autoscaling() -> Vec<Finding> {
    let sample = Ok(Sample { messages: 1, consumers: 1, taken_at: NOW, asked: Instant::now() });
    let with = |provider| Autoscaling { provider, ..Autoscaling::default() };
    let embedded = with(AutoscalingProvider::Embedded);
    let ours = Slots { external: Slot::Ours(Ok(())), custom: Slot::Unknown };
    let foreign = || Slot::Foreign("the Service x".to_owned());
    let slots = [
        ours.clone(),
        Slots { external: Slot::Ours(Err("EndpointsNotFound".to_owned())), custom: Slot::Unknown },
        Slots::default(),
        Slots { external: foreign(), custom: Slot::Ours(Ok(())) },
        Slots { external: foreign(), custom: foreign() },
    ];
    let mut findings =
        slots.iter().map(|slots| autoscaling::finding(&embedded, slots, sample.clone())).collect::<Vec<_>>();
    findings.push(autoscaling::finding(&with(AutoscalingProvider::Auto), &slots[4], sample.clone()));
    for provider in [AutoscalingProvider::None, AutoscalingProvider::External] {
        findings.push(autoscaling::finding(&with(provider), &Slots::default(), sample.clone()));
    }
    let unreadable = [
        Unreadable::NotYet,
        Unreadable::Unreachable("no answer".to_owned()),
        Unreadable::Refused,
        Unreadable::QueueMissing,
        Unreadable::NotRunning,
        Unreadable::Stale { seconds: 46 },
    ];
    findings.extend(unreadable.into_iter().map(|why| autoscaling::finding(&embedded, &ours, Err(why))));
    let inactive =
        json!({ "conditions": [{ "type": "ScalingActive", "status": "False" }], "desiredReplicas": 0 });
    let autoscaler = from_value(json!({ "metadata": {}, "status": inactive })).unwrap();
    let scaled = autoscaling::finding(&embedded, &ours, sample);
    findings.push(autoscaling::with_user_service(scaled, Some(&autoscaler), NOW));
    findings
}

fn of_monitoring() -> Vec<Finding> {
    let answer =
        |code| monitoring::Error::Kube(kube::Error::Api(Box::new(Status::failure("no", "").with_code(code))));
    let errors = [monitoring::Error::Foreign, answer(404), answer(403), answer(500)];
    let troubles = errors.iter().map(|error| monitoring::trouble("ServiceMonitor", "demo", error));
    let made = [false, true].map(|shut_out| monitoring::all_made(&["ServiceMonitor"], shut_out));
    troubles.chain(made).collect()
}

fn of_node_loss() -> Vec<Finding> {
    let id = StackId { namespace: "team".to_owned(), name: "demo".to_owned(), uid: "1".to_owned() };
    let on = |nodes: [&str; 3]| {
        let pod = |node| {
            let pod = json!({ "metadata": { "name": "b" }, "spec": { "nodeName": node, "containers": [] } });
            Arc::new(from_value::<Pod>(pod).unwrap())
        };
        node_loss::of_pods(&id, 3, &nodes.map(pod)).unwrap()
    };
    vec![on(["a", "b", "c"]), on(["a", "a", "b"])]
}

fn of_test_mail() -> Vec<Finding> {
    let smtp = fixtures::stack(FULL).spec.smtp;
    let job = |conditions: Value| {
        from_value::<Job>(json!({ "metadata": { "name": "j" }, "status": { "conditions": conditions } }))
            .unwrap()
    };
    let works = job(json!([]));
    let failed = job(json!([{ "type": "Failed", "status": "True" }]));
    let report =
        |answer| test_mail::finding(&TestMailReport { answer, cause: None, reply: None }, &smtp, &failed);
    let mut findings = TestMailResult::ALL.map(report).to_vec();
    findings.extend(test_mail::unfinished(&failed, &smtp, &[], None));
    findings.extend(test_mail::unfinished(&works, &smtp, &[], None));
    for pod in pods_in_trouble() {
        findings.extend(test_mail::unfinished(&works, &smtp, &[pod], None));
    }
    findings
}

fn of_progress(parts: &[PartState]) -> Vec<Finding> {
    let of = |parts: &[PartState], findings: &[Finding], conflicts: &[String]| {
        let applied = Applied { parts, findings, conflicts, paused: false, generation: Some(2) };
        progress(&applied, &nothing_before())
    };
    let alone = parts.iter().filter_map(|state| of(std::slice::from_ref(state), &[of_workload(state)], &[]));
    let mut found = alone.collect::<Vec<_>>();
    for state in [
        TopologyState::Waiting,
        TopologyState::UnsupportedVersion("upgrade it".to_owned()),
        TopologyState::Conflict(vec!["drain the queue".to_owned()]),
    ] {
        found.extend(of(&[], &[of_topology(&state)], &[]));
    }
    found.extend(of(&[], &[], &["Service demo-redis".to_owned()]));
    found
}

fn of_ingresses() -> Vec<Finding> {
    let stack = fixtures::validated(fixtures::FULL);
    let known = fixtures::platform();
    let unknown = crate::platform::Platform { ingress_namespace: None, ..fixtures::platform() };
    [known, unknown].iter().filter_map(|platform| of_ingress(&stack, platform)).collect()
}

fn paused() -> Vec<Finding> {
    let mut findings = Vec::new();
    update_status::note_pause(&mut findings, true);
    findings.extend(update_status::examples_of_a_pause());
    findings
}
