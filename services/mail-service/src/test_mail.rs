//! One mail by hand, through the same SMTP as all others: the commonest question of whoever sets Ping up is why no
//! mail comes. The result is a class of answers, in the last words of the process.

use std::{path::PathBuf, time::SystemTime};

use ping_contract::{
    address::EmailAddress,
    event::{EventId, MailEvent},
    test_mail::{Answer, Report},
};
use service_kit::telemetry::chain;
use tokio::time::Instant;

use crate::{
    config::TestMail,
    message::OutgoingMail,
    smtp::{Failure, Limits, Pool, Reply, phase::Phase},
};

/// The result cannot be told.
#[derive(Debug, thiserror::Error)]
#[error("the result cannot be written to {file}: set TEST_MAIL_REPORT to a file that can be written")]
pub struct Error {
    file: PathBuf,
    source: std::io::Error,
}

/// Sends it, and writes the report.
pub async fn run(settings: &TestMail) -> Result<Answer, Error> {
    let report = send(settings).await;
    tracing::info!(answer = report.answer.name(), reply = report.reply.as_deref(), "test mail");
    let file = &settings.report;
    std::fs::write(file, report.to_string()).map_err(|source| Error { file: file.clone(), source })?;
    Ok(report.answer)
}

/// Sends it, within the time that any mail has.
pub async fn send(settings: &TestMail) -> Report {
    let Some((pool, mail)) = prepare(settings) else {
        return Report { answer: Answer::Misconfigured, reply: None };
    };
    let expires = Instant::now() + settings.smtp.smtp_total_timeout;
    let result = pool.send(&mail, expires).await;
    pool.close().await;
    let reply = result.err().and_then(|failure| failure.reply()).map(|reply| reply.to_string());
    Report { answer: result.map_or_else(answer, |()| Answer::Delivered), reply }
}

/// What to send, and by whom. `None`: the settings do not make a mail, and the log says which.
fn prepare(settings: &TestMail) -> Option<(Pool, OutgoingMail)> {
    let logged = |error: &dyn std::error::Error| {
        tracing::error!(error = %chain(error), "no test mail can be made of these settings");
    };
    let relay = settings.smtp.relay().inspect_err(|error| logged(error)).ok()?;
    let writer = settings.smtp.writer().inspect_err(|error| logged(error)).ok()?;
    let to = EmailAddress::parse(&settings.recipient).inspect_err(|error| logged(error)).ok()?;
    let id = EventId::from_bytes(rand::random());
    let event = MailEvent {
        id: Some(id.clone()),
        to,
        subject: "Test mail".to_owned(),
        body:
            "Somebody who sets Ping up has asked for this mail. It came by the way that sign-in codes go.\n"
                .to_owned(),
        purpose: Some("test".to_owned()),
        locale: None,
    };
    let mail = writer.write(&event, &id, SystemTime::now()).inspect_err(|error| logged(error)).ok()?;
    let (life, idle) = (settings.smtp.smtp_connection_life, settings.smtp.smtp_connection_idle);
    Some((Pool::new(relay, Limits { sessions: 1, mails: 1, life, idle }), mail))
}

/// The class of a failure.
#[must_use]
pub fn answer(failure: Failure) -> Answer {
    match failure {
        Failure::Refused { phase, reply } => refused(phase, reply),
        Failure::Unsupported { phase: Phase::Login } => Answer::LoginRefused,
        Failure::Unsupported { .. } => Answer::TlsFailed,
        Failure::Crowded => Answer::Deferred,
        Failure::Late => Answer::Interrupted,
        Failure::TimedOut { phase } | Failure::Broken { phase } | Failure::OutOfStep { phase, .. } => {
            match phase {
                Phase::Connect | Phase::Greeting => Answer::Unreachable,
                Phase::Tls => Answer::TlsFailed,
                Phase::Login | Phase::Mail | Phase::Rcpt | Phase::Data | Phase::Accept => Answer::Interrupted,
            }
        }
    }
}

fn refused(phase: Phase, reply: Reply) -> Answer {
    match (phase, reply.code) {
        // The relay wants a login, or another one (RFC 4954).
        (_, 530 | 534 | 535 | 538) | (Phase::Login, 500..) => Answer::LoginRefused,
        (Phase::Tls, _) => Answer::TlsFailed,
        (_, ..500) => Answer::Deferred,
        (Phase::Mail, _) => Answer::SenderRefused,
        (Phase::Rcpt, _) => Answer::RecipientRefused,
        (Phase::Data | Phase::Accept, _) => Answer::MessageRefused,
        (Phase::Connect | Phase::Greeting, _) => Answer::TurnedAway,
    }
}

#[cfg(test)]
mod tests {
    use ping_contract::test_mail::Answer;

    use super::answer;
    use crate::smtp::{Failure, Reply, phase::Phase};

    #[test]
    fn each_answer_has_the_class_that_says_what_to_do() {
        for (phase, code, class) in [
            (Phase::Greeting, 554, Answer::TurnedAway),
            (Phase::Greeting, 421, Answer::Deferred),
            (Phase::Tls, 454, Answer::TlsFailed),
            (Phase::Login, 535, Answer::LoginRefused),
            (Phase::Login, 454, Answer::Deferred),
            (Phase::Mail, 530, Answer::LoginRefused),
            (Phase::Mail, 553, Answer::SenderRefused),
            (Phase::Rcpt, 550, Answer::RecipientRefused),
            (Phase::Rcpt, 451, Answer::Deferred),
            (Phase::Accept, 554, Answer::MessageRefused),
        ] {
            assert_eq!(answer(Failure::Refused { phase, reply: Reply::new(code) }), class, "{phase} {code}");
        }
    }

    #[test]
    fn a_mail_that_may_have_arrived_is_not_called_unreachable() {
        assert_eq!(answer(Failure::Broken { phase: Phase::Connect }), Answer::Unreachable);
        assert_eq!(answer(Failure::TimedOut { phase: Phase::Accept }), Answer::Interrupted);
        assert_eq!(answer(Failure::Broken { phase: Phase::Accept }), Answer::Interrupted);
        assert_eq!(answer(Failure::Unsupported { phase: Phase::Tls }), Answer::TlsFailed);
        assert_eq!(answer(Failure::Unsupported { phase: Phase::Login }), Answer::LoginRefused);
    }
}
