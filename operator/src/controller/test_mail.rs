//! What became of a test mail: its Job and the last words of the Job's pods → the condition `TestMailSent`. It is not
//! part of the summary: one recipient's mail says nothing of the others'.

use k8s_openapi::{
    api::{batch::v1::Job, core::v1::Pod},
    apimachinery::pkg::apis::meta::v1::Condition,
};
use kube::{Api, ResourceExt as _, api::ListParams};
use ping_contract::{
    test_mail::{TestMailCause, TestMailReport, TestMailResult},
    tls_trouble::TlsTrouble,
};
use pingstack_crd::smtp::Smtp;

use super::{Context, build::test_mail::CONTAINER, diagnose};
use crate::{
    conditions::{ConditionType, Finding},
    names::StackId,
};

const TEST_MAIL_SENT: ConditionType = ConditionType::TestMailSent;

/// A test mail of a stack.
#[derive(Clone, Copy)]
pub(super) struct TestMail<'a> {
    /// What sends it.
    pub(super) job: &'a Job,
    /// The mail server.
    pub(super) smtp: &'a Smtp,
}

/// Asks for the pods of a Job that has not delivered. `None`: what the status says already still holds.
pub(super) async fn look(
    context: &Context,
    id: &StackId,
    mail: TestMail<'_>,
    before: Option<&Condition>,
) -> Option<Finding> {
    let TestMail { job, smtp } = mail;
    if has(job, "Complete") {
        return Some(finding(
            &TestMailReport { answer: TestMailResult::Delivered, cause: None, reply: None },
            smtp,
            job,
        ));
    }
    let of_job = format!("batch.kubernetes.io/job-name={}", job.name_any());
    let pods = Api::<Pod>::namespaced(context.client.clone(), &id.namespace);
    // Without an answer there is nothing to say; the next look tells.
    let pods = pods.list(&ListParams::default().labels(&of_job)).await.ok()?.items;
    unfinished(job, smtp, &pods, before)
}

/// What is known of a Job that is at work, or has failed.
pub(super) fn unfinished(
    job: &Job,
    smtp: &Smtp,
    pods: &[Pod],
    before: Option<&Condition>,
) -> Option<Finding> {
    if let Some(report) = newest_report(pods) {
        return Some(finding(&report, smtp, job));
    }
    if has(job, "Failed") {
        let is_report =
            |old: &&Condition| TestMailResult::ALL.iter().any(|answer| answer.name() == old.reason);
        if before.as_ref().is_some_and(is_report) {
            return None;
        }
        let message = format!("the pod of the test mail is gone and left no report: {}", again(job));
        return Some(Finding::unknown(TEST_MAIL_SENT, "NoReport", message));
    }
    let problem = pods.iter().find_map(diagnose::of_pod);
    Some(match problem {
        Some(problem) => Finding::unknown(TEST_MAIL_SENT, problem.reason, problem.message),
        None => Finding::unknown(TEST_MAIL_SENT, "Sending", "the test mail is on its way"),
    })
}

fn has(job: &Job, type_: &str) -> bool {
    let conditions = job.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.into_iter().any(|condition| condition.type_ == type_ && condition.status == "True")
}

/// The report of the try that ended last.
fn newest_report(pods: &[Pod]) -> Option<TestMailReport> {
    let ended = pods.iter().filter_map(|pod| {
        // A mesh may have put its own beside it, and before it.
        let containers = pod.status.as_ref()?.container_statuses.as_ref()?;
        let container = containers.iter().find(|container| container.name == CONTAINER)?;
        let terminated = container.state.as_ref()?.terminated.as_ref()?;
        let report = terminated.message.as_deref()?.parse::<TestMailReport>().ok()?;
        Some((terminated.finished_at.clone(), report))
    });
    ended.max_by(|(a, _), (b, _)| a.cmp(b)).map(|(_, report)| report)
}

pub(super) fn finding(report: &TestMailReport, smtp: &Smtp, job: &Job) -> Finding {
    let reason = report.answer.name();
    let advice = match report.cause {
        Some(cause) => of_cause(cause, smtp),
        None => advice(report.answer, smtp),
    };
    if report.answer == TestMailResult::Delivered {
        return Finding::good(TEST_MAIL_SENT, reason, advice);
    }
    let said = report.reply.as_ref().map(|reply| format!(" (it answered {reply})")).unwrap_or_default();
    let next = if report.answer.is_temporary() && !has(job, "Failed") {
        "it is tried again".to_owned()
    } else {
        format!("changed settings send another; {}", again(job))
    };
    Finding::bad(TEST_MAIL_SENT, reason, format!("{advice}{said}; {next}"))
}

fn again(job: &Job) -> String {
    format!("to send one with the same settings, delete the Job {}", job.name_any())
}

/// The service's sentence, and where in the spec to look.
fn of_cause(cause: TestMailCause, smtp: &Smtp) -> String {
    let Smtp { host, port, .. } = smtp;
    let setting = match cause {
        TestMailCause::Tls(TlsTrouble::WrongName) => "smtp.host",
        TestMailCause::Tls(TlsTrouble::UnknownCa) => "smtp.caSecretRef",
        TestMailCause::Tls(TlsTrouble::Expired) => "smtp.host and smtp.caSecretRef",
        TestMailCause::Tls(_) => "smtp.port and smtp.tls (Implicit for 465, StartTls for 587)",
        TestMailCause::Login(_) => "smtp.credentialsSecretRef, smtp.port and smtp.tls",
    };
    format!("{host}:{port}: {} See {setting}", cause.message())
}

/// What a person can do about an answer.
fn advice(answer: TestMailResult, smtp: &Smtp) -> String {
    let Smtp { host, port, from, .. } = smtp;
    match answer {
        TestMailResult::Delivered => {
            format!("{host} took the test mail: look into the recipient's mailbox, and where it keeps spam")
        }
        TestMailResult::Misconfigured => {
            "the mail cannot be built from these settings: check that smtp.from and smtp.testRecipient are addresses"
                .to_owned()
        }
        TestMailResult::Unreachable => format!(
            "no mail server answers at {host}:{port}: check smtp.host and smtp.port, the firewalls between, and that \
             smtp.tls fits the port (Implicit for 465, StartTls for 587)"
        ),
        TestMailResult::TlsFailed => format!(
            "the connection to {host}:{port} cannot be encrypted: check that smtp.tls fits the port (Implicit for 465, \
             StartTls for 587), and that the certificate is for this name and from a public authority or that of smtp.caSecretRef"
        ),
        TestMailResult::TurnedAway => {
            format!(
                "{host} rejects connections from this cluster: ask its administrator to allow the cluster's addresses"
            )
        }
        TestMailResult::LoginRefused => format!(
            "{host} refuses the login: check EMAIL_USER and EMAIL_PASSWORD in the Secret of smtp.credentialsSecretRef; \
             some providers want a password made for this application"
        ),
        TestMailResult::SenderRefused => {
            format!(
                "{host} takes no mail from {from}: set smtp.from to an address that this login may send as"
            )
        }
        TestMailResult::RecipientRefused => format!(
            "{host} takes no mail for this recipient: check smtp.testRecipient, and that the server relays to its domain"
        ),
        TestMailResult::MessageRefused => format!(
            "{host} read the mail and refused it: check SPF and DKIM of smtp.from's domain, and the server's own filters"
        ),
        TestMailResult::Deferred => {
            format!("{host} asks to come back later, as servers do with senders they do not know")
        }
        TestMailResult::Interrupted => format!(
            "the session with {host} ended in the middle, and the mail may have arrived: look into the mailbox, and check \
             what is between the cluster and the server"
        ),
    }
}

#[cfg(test)]
mod tests;
