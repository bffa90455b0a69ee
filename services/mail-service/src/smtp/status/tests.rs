use std::time::Duration;

use service_kit::health::{CheckReport, Health};

use super::SmtpStatus;
use crate::smtp::{Failure, Reply, phase::Phase};

struct Rig {
    health: Health,
    status: SmtpStatus,
}

fn rig() -> Rig {
    let health = Health::new();
    let status = SmtpStatus::new(health.observe("smtp"), health.moment("lastDelivery"));
    Rig { health, status }
}

impl Rig {
    fn check(&self) -> CheckReport {
        self.health.report(false).check("smtp").unwrap().clone()
    }

    fn reason(&self) -> Option<&'static str> {
        self.check().reason
    }

    fn has_delivered(&self) -> bool {
        self.health.report(false).moments.contains_key("lastDelivery")
    }
}

fn refused(phase: Phase, code: u16) -> Failure {
    Failure::Refused { phase, reply: Reply::new(code) }
}

#[test]
fn a_successful_try_makes_it_usable_and_is_no_delivery() {
    let rig = rig();
    assert_eq!(rig.reason(), Some("Starting"));
    rig.status.tried(Ok(()));
    assert!(rig.check().usable && !rig.has_delivered());
    rig.status.sent(Ok(()));
    assert!(rig.check().usable && rig.has_delivered());
}

#[test]
fn a_failure_that_pauses_the_consumer_makes_it_unusable_at_once() {
    for (failure, reason) in [
        (Failure::Broken { phase: Phase::Connect }, "SmtpUnreachable"),
        (refused(Phase::Login, 535), "SmtpAuthenticationFailed"),
        (refused(Phase::Mail, 550), "SmtpSenderRejected"),
        (refused(Phase::Greeting, 421), "SmtpUnavailable"),
    ] {
        let rig = rig();
        rig.status.tried(Ok(()));
        rig.status.sent(Err(failure));
        assert_eq!(rig.reason(), Some(reason), "{failure}");
    }
}

#[test]
fn other_failures_of_the_server_count_when_three_mails_in_a_row_meet_them() {
    let rig = rig();
    rig.status.tried(Ok(()));
    for _ in 0..3 {
        for _ in 0..2 {
            rig.status.sent(Err(refused(Phase::Mail, 421)));
        }
        assert!(rig.check().usable, "two mails in a row failed");
        rig.status.sent(Ok(()));
    }
    for _ in 0..3 {
        rig.status.sent(Err(Failure::TimedOut { phase: Phase::Accept }));
    }
    assert_eq!(rig.reason(), Some("SmtpInterrupted"));
    rig.status.sent(Ok(()));
    assert!(rig.check().usable);
}

#[test]
fn a_sender_that_is_refused_with_the_message_counts_at_the_second_report_and_until_a_mail_is_delivered() {
    let rig = rig();
    rig.status.tried(Ok(()));
    let reply = Reply { concerns_sender: true, ..Reply::new(554) };
    let failure = Failure::Refused { phase: Phase::Accept, reply };
    rig.status.sent(Err(failure));
    assert!(rig.check().usable, "one odd answer");
    rig.status.sent(Err(failure));
    assert_eq!(rig.reason(), Some("SmtpSenderRejected"));
    rig.status.tried(Ok(()));
    assert_eq!(rig.reason(), Some("SmtpSenderRejected"), "a try ends with MAIL");
    rig.status.sent(Ok(()));
    assert!(rig.check().usable);
}

#[test]
fn greylisting_refused_recipients_and_our_own_limits_say_nothing_of_the_server() {
    let rig = rig();
    rig.status.tried(Ok(()));
    for _ in 0..10 {
        for failure in [
            refused(Phase::Rcpt, 451),
            refused(Phase::Accept, 451),
            refused(Phase::Rcpt, 550),
            Failure::Crowded,
            Failure::SinkFailed,
            Failure::Late,
        ] {
            rig.status.sent(Err(failure));
            assert!(rig.check().usable, "{failure}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_try_is_remembered_for_the_pause_in_which_another_would_follow() {
    let rig = rig();
    assert!(!rig.status.was_tried_within(Duration::from_secs(30)));
    rig.status.tried(Err(Failure::Broken { phase: Phase::Connect }));
    assert!(rig.status.was_tried_within(Duration::from_secs(30)));
    assert!(!rig.status.was_tried_within(Duration::ZERO));
    tokio::time::advance(Duration::from_secs(30)).await;
    assert!(!rig.status.was_tried_within(Duration::from_secs(30)));
}
