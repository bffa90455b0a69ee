//! One mail by hand, through the same SMTP as all others: the commonest question of whoever sets Ping up is why no
//! mail comes. The result is a class of answers, in the last words of the process.

use std::{path::PathBuf, time::SystemTime};

use ping_contract::{
    address::EmailAddress,
    event::{EventId, MailEvent},
    test_mail::{TestMailCause, TestMailReport, TestMailResult},
};
use service_kit::telemetry::chain;
use tokio::time::Instant;

use crate::{
    config::TestMail,
    message::RenderedMail,
    smtp::{
        Pool, PoolLimits,
        test_mail_result::{answer, cause},
    },
};

/// The result cannot be told.
#[derive(Debug, thiserror::Error)]
#[error("the result cannot be written to {file}: set TEST_MAIL_REPORT to a file that can be written")]
pub struct Error {
    file: PathBuf,
    source: std::io::Error,
}

/// Sends it, and writes the report.
pub async fn run(settings: &TestMail) -> Result<TestMailResult, Error> {
    let report = send(settings).await;
    let cause = report.cause.map(TestMailCause::message);
    tracing::info!(answer = report.answer.name(), cause, reply = report.reply.as_deref(), "test mail");
    let file = &settings.report;
    std::fs::write(file, report.to_string()).map_err(|source| Error { file: file.clone(), source })?;
    Ok(report.answer)
}

/// Sends it, within the time that any mail has.
pub async fn send(settings: &TestMail) -> TestMailReport {
    let Some((pool, mail)) = prepare(settings) else {
        return TestMailReport { answer: TestMailResult::Misconfigured, cause: None, reply: None };
    };
    let expires = Instant::now() + settings.smtp.smtp_total_timeout;
    let result = pool.send(&mail, expires).await;
    pool.close().await;
    let failure = result.err();
    TestMailReport {
        answer: failure.map_or(TestMailResult::Delivered, answer),
        cause: failure.and_then(cause),
        reply: failure.and_then(|failure| failure.reply()).map(|reply| reply.to_string()),
    }
}

/// What to send, and by whom. `None`: the settings do not make a mail, and the log says which.
fn prepare(settings: &TestMail) -> Option<(Pool, RenderedMail)> {
    let logged = |error: &dyn std::error::Error| {
        tracing::error!(error = %chain(error), "the test mail cannot be built from these settings");
    };
    let relay = settings.smtp.relay().inspect_err(|error| logged(error)).ok()?;
    let writer = settings.smtp.writer().inspect_err(|error| logged(error)).ok()?;
    let to = EmailAddress::parse(&settings.recipient).inspect_err(|error| logged(error)).ok()?;
    let id = EventId::from_bytes(rand::random());
    let event = MailEvent {
        id: Some(id.clone()),
        to,
        also_to: Vec::new(),
        unusable_recipients: 0,
        subject: "Test mail".to_owned(),
        body:
            "An administrator of Ping requested this test mail. It was sent in the same way as sign-in codes.\n"
                .to_owned(),
        purpose: Some("test".to_owned()),
        locale: None,
    };
    let mail = writer.write(&event, None, &id, SystemTime::now()).inspect_err(|error| logged(error)).ok()?;
    let limits = PoolLimits {
        sessions: 1,
        mails: 1,
        life: settings.smtp.smtp_connection_life,
        idle: settings.smtp.smtp_connection_idle,
    };
    Some((Pool::new(relay, limits), mail))
}
