//! What follows from the reports of the pods: whether a service can do its work, and whether a server that is not the
//! operator's can be used. Pure.

use std::time::Duration;

use k8s_openapi::jiff::SignedDuration;

use self::tally::Tally;
use super::Past;
use crate::{
    conditions::{ConditionType, Finding},
    names::Part,
    pod_reports::{
        PodReport, Reports,
        readings::MAX_AGE,
        report::{Check, Report, Trouble},
    },
};

mod tally;

/// How long no mail could be handed over until `Ready` is False.
const MAIL_PATIENCE: SignedDuration = SignedDuration::from_mins(1);

/// The checks of servers without which a service cannot do its work. What else a pod reports is a warning: signing keys
/// that cannot be read again are still in memory.
const NEEDED: [&str; 4] = ["directory", "rabbitmq", "redis", "smtp"];

/// The reason of a check that has not been tried yet.
const STARTING: &str = "Starting";

/// A reason of the check of RabbitMQ that is about the topology.
const QUEUE_MISSING: &str = "QueueMissing";

/// The condition of a service. `finding` is what its workload says.
#[must_use]
pub fn of_service(finding: Finding, pods: &[PodReport], past: &Past<'_>) -> Finding {
    if finding.status != "True" {
        return explained(finding, &Tally::of(pods.iter(), |report| Some(all_troubles(report))));
    }
    let tally = Tally::of(pods.iter().filter(|pod| pod.ready), |report| Some(needed_troubles(report)));
    let counts = &finding.message;
    if tally.any_usable() {
        return if tally.is_clean() {
            with_warnings(with_new_pods(finding, pods), pods)
        } else {
            let message = format!("{counts}; not all of them can be used: {}", tally.names());
            Finding::impaired(finding.type_, "PartlyUnusable", message)
        };
    }
    match tally.main_trouble() {
        Some(trouble) => {
            let message = format!("{counts}; none of them can be used: {}", trouble.message);
            let recent = finding.type_ == ConditionType::MailServiceReady && is_recent(&tally, past);
            Finding { recent, ..as_reported(finding.type_, &trouble.reason, message) }
        }
        None if tally.silent.is_empty() => finding,
        None => silent(finding.type_, &tally.silent),
    }
}

fn all_troubles(report: &Report) -> Vec<(&str, &Trouble)> {
    report.troubles().collect()
}

fn needed_troubles(report: &Report) -> Vec<(&str, &Trouble)> {
    report.troubles().filter(|(check, _)| NEEDED.contains(check)).collect()
}

/// A service that does not serve says why, where its pods run and nothing else is known.
fn explained(finding: Finding, tally: &Tally<'_>) -> Finding {
    match tally.main_trouble() {
        Some(trouble) if finding.reason == STARTING && trouble.reason != STARTING => {
            let message = format!("{}; {}", finding.message, trouble.message);
            as_reported(finding.type_, &trouble.reason, message)
        }
        _ => finding,
    }
}

/// What pods report besides, and can do without.
fn with_warnings(finding: Finding, pods: &[PodReport]) -> Finding {
    let minor = Tally::of(pods.iter().filter(|pod| pod.ready), |report| Some(all_troubles(report)));
    let Some(trouble) = minor.main_trouble() else { return finding };
    let message = format!("{}; {}", finding.message, trouble.message);
    Finding { status: "True", impaired: true, ..as_reported(finding.type_, &trouble.reason, message) }
}

/// In a rollout new pods may say why they do not become ready.
fn with_new_pods(mut finding: Finding, pods: &[PodReport]) -> Finding {
    let new = pods.iter().filter(|pod| !pod.ready);
    let has_tried = |(_, trouble): &(&str, &Trouble)| trouble.reason != STARTING;
    let tally = Tally::of(new, |report| Some(report.troubles().filter(has_tried).collect()));
    if !tally.is_clean() && finding.reason != "Available" {
        finding.message = format!("{}; not ready: {}", finding.message, tally.names());
    }
    finding
}

/// Whether mail could be handed over a moment ago. A server may fail in one way after another, and a pod be replaced by
/// the next: what counts then is since when the condition is False.
fn is_recent(tally: &Tally<'_>, past: &Past<'_>) -> bool {
    let since = [tally.unusable_since(), past.false_since(ConditionType::MailServiceReady)];
    let since = since.into_iter().flatten().min();
    since.is_none_or(|since| past.now.duration_since(since) < MAIL_PATIENCE)
}

/// The condition of a Redis or RabbitMQ that is not the operator's.
#[must_use]
pub fn of_external_server(server: Part, reports: &Reports) -> Finding {
    let type_ = ConditionType::of(server);
    let pods = reports.user_service.iter().chain(&reports.mail_service);
    let tally = Tally::of(pods, |report| server_troubles(report.check(server.name())?));
    if tally.any_usable() {
        return if tally.is_clean() {
            Finding::good(type_, "External", "it is not the operator's, and the services can use it")
        } else {
            let message = format!("not every pod can use it: {}", tally.names());
            Finding::impaired(type_, "PartlyUnusable", message)
        };
    }
    match tally.main_trouble() {
        Some(trouble) => {
            as_reported(type_, &trouble.reason, format!("no pod can use it: {}", trouble.message))
        }
        None if tally.silent.is_empty() => {
            Finding::unknown(type_, "NoReport", "no pod of the services has said yet whether it can use it")
        }
        None => silent(type_, &tally.silent),
    }
}

/// `None` if the server has not been tried yet.
fn server_troubles(check: &Check) -> Option<Vec<(&str, &Trouble)>> {
    match &check.trouble {
        None => Some(Vec::new()),
        Some(trouble) if trouble.reason == STARTING => None,
        // TopologyReady says what is missing on the broker.
        Some(trouble) if trouble.reason == QUEUE_MISSING => Some(Vec::new()),
        Some(trouble) => Some(vec![(&check.name, trouble)]),
    }
}

/// No pod answers the operator. Kubernetes may see them as ready nevertheless.
fn silent(type_: ConditionType, silent: &[Duration]) -> Finding {
    let message = "no pod answers the operator at /readyz of its management port (5001 and 5002): check the nodes of the \
                   pods, and that the network policies of the namespace admit the operator";
    let recent = silent.iter().all(|time| *time < MAX_AGE);
    Finding { recent, ..Finding::unknown(type_, "NoReport", message) }
}

/// A finding with a reason of a service, which may be of a later release.
fn as_reported(type_: ConditionType, reason: &str, message: String) -> Finding {
    Finding { type_, status: "False", reason: reason.to_owned(), message, impaired: false, recent: false }
}

#[cfg(test)]
mod tests;
