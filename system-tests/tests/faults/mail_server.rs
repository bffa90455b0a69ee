//! The mail server defers, refuses, falls silent, drips, denies the login. Cases 15 to 19.

use std::time::Duration;

use system_tests::platform::{Platform, Setup};
use test_kit::{
    smtp::{Action, Phase, Rule, SmtpServer},
    wait::wait_until,
};

use crate::rig::{DEADLINE, depth, login, mailed, mails_to, parked, paused};

/// Time-outs that a test can wait for.
pub(crate) fn quick() -> Vec<(&'static str, String)> {
    [
        ("SMTP_COMMAND_TIMEOUT", "2s"),
        ("SMTP_ACCEPT_TIMEOUT", "2s"),
        ("SMTP_TOTAL_TIMEOUT", "5s"),
        ("MAIL_PROBE_FIRST", "200ms"),
        ("MAIL_PROBE_MAX", "1s"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}

async fn quick_platform() -> Platform {
    Platform::start_with(Setup { mail_service: quick(), ..Setup::default() }).await
}

#[tokio::test]
async fn case_15_a_greylisted_mail_is_retried_by_tier_with_its_message_id() {
    let platform = Platform::start().await;
    platform.smtp.add_rule(
        Rule::reply(Phase::RcptTo, "451 4.7.1 try later").to_recipient("grey@example.org").times(1),
    );
    platform.smtp.add_rule(Rule::reply(Phase::MailFrom, "421 4.3.2 busy").times(1));
    login(&platform, "grey@example.org").await;
    mailed(&platform, "grey@example.org").await;
    let retries = async |reason, tier| {
        platform
            .mail_service_metric(&format!("ping_mail_retries_total{{tier=\"{tier}\",reason=\"{reason}\"}}"))
            .await
    };
    assert!(retries("busy", "send-otp.retry.5s").await > 0.5, "421 goes to the first tier");
    assert!(
        retries("deferred", "send-otp.retry.45s").await + retries("deferred", "send-otp.retry.15s").await
            > 0.5,
        "451 waits longer"
    );
    depth(&platform, "send-otp", 0).await;
    assert_eq!(mails_to(&platform, "grey@example.org").len(), 1);
}

#[tokio::test]
async fn case_16_a_refused_mail_is_parked_with_its_reason_and_without_its_code() {
    let platform = Platform::start().await;
    platform.smtp.add_rule(Rule::reply(Phase::DataEnd, "550 5.7.1 spam").to_recipient("refused@example.org"));
    login(&platform, "refused@example.org").await;
    let text = parked(&platform).await.to_string();
    assert!(text.contains("refused") && text.contains("r***@example.org"), "{text}");
    assert!(
        !text.contains("OTP code") && !text.contains("refused@"),
        "a body or an address is parked: {text}"
    );
    depth(&platform, "send-otp", 0).await;
    login(&platform, "next@example.org").await;
    mailed(&platform, "next@example.org").await;
}

#[tokio::test]
async fn case_17_a_refusal_after_a_timed_out_send_is_not_taken_for_success() {
    let setup = Setup {
        mail_service: [quick(), vec![("MAIL_CONCURRENCY", "1".into())]].concat(),
        ..Setup::default()
    };
    let platform = Platform::start_with(setup).await;
    // The first mail's answer comes after its time-out; the next mail is refused.
    platform.smtp.add_rule(
        Rule::new(Phase::DataEnd, Action::Delay(Duration::from_secs(3)))
            .to_recipient("slow@example.org")
            .times(1),
    );
    platform
        .smtp
        .add_rule(Rule::reply(Phase::RcptTo, "550 5.1.1 no such user").to_recipient("bad@example.org"));
    login(&platform, "slow@example.org").await;
    login(&platform, "bad@example.org").await;
    assert!(parked(&platform).await.to_string().contains("b***@example.org"));
    assert!(mails_to(&platform, "bad@example.org").is_empty());
    depth(&platform, "send-otp", 0).await;
}

#[tokio::test]
async fn case_18_silent_and_dripping_connections_end_by_deadline_and_harm_no_other() {
    let platform = quick_platform().await;
    platform
        .smtp
        .add_rule(Rule::new(Phase::RcptTo, Action::Silence).to_recipient("silent@example.org").times(1));
    platform.smtp.add_rule(
        Rule::new(Phase::RcptTo, Action::Drip(Duration::from_secs(1)))
            .to_recipient("drip@example.org")
            .times(1),
    );
    login(&platform, "silent@example.org").await;
    login(&platform, "drip@example.org").await;
    for number in 0..50 {
        login(&platform, &format!("other-{number}@example.org")).await;
    }
    for number in 0..50 {
        mailed(&platform, &format!("other-{number}@example.org")).await;
    }
    mailed(&platform, "silent@example.org").await;
    mailed(&platform, "drip@example.org").await;
    depth(&platform, "send-otp.dead", 0).await;
}

#[tokio::test]
async fn case_19_a_refused_login_pauses_and_parks_nothing_until_it_works_again() {
    let smtp = SmtpServer::builder().credentials("ping", "right").starttls();
    let certificate = tempfile::NamedTempFile::new().expect("no temporary file");
    let server = smtp.start().await;
    std::fs::write(certificate.path(), server.certificate()).expect("no certificate file");
    let login_settings = [
        ("SMTP_PORT", server.port().to_string()),
        ("SMTP_HOST", "localhost".to_owned()),
        ("SMTP_TLS", "starttls".to_owned()),
        ("SMTP_CA_FILE", certificate.path().display().to_string()),
        ("EMAIL_USER", "ping".to_owned()),
        ("EMAIL_PASSWORD", "right".to_owned()),
    ];
    let setup = Setup { mail_service: [quick(), login_settings.into()].concat(), ..Setup::default() };
    let platform = Platform::start_with(setup).await;
    server.add_rule(Rule::reply(Phase::Auth, "535 5.7.8 no"));
    for number in 0..20 {
        login(&platform, &format!("auth-{number}@example.org")).await;
    }
    paused(&platform, "login_refused", true).await;
    depth(&platform, "send-otp", 20).await;
    depth(&platform, "send-otp.dead", 0).await;
    server.clear_rules();
    wait_until("all mails after the login works", DEADLINE, || async { server.delivered().len() == 20 })
        .await;
    paused(&platform, "login_refused", false).await;
}
