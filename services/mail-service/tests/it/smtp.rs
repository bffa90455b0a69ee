//! The sessions: deadlines, reuse, and never a reply that belongs to another mail.

use std::time::Duration;

use lettre::transport::smtp::extension::ClientId;
use mail_service::smtp::{
    Failure, Pool, PoolLimits, Relay, Reply,
    phase::{Deadlines, Phase},
    tls::Security,
};
use test_kit::smtp::{Action, Phase as ServerPhase, Rule, SmtpServer};
use tokio::time::{Instant, timeout};

use crate::smtp_dialogue::mail;

/// Deadlines that a test can wait for.
pub(crate) const SHORT: Deadlines = Deadlines {
    connect: Duration::from_millis(300),
    command: Duration::from_millis(300),
    accept: Duration::from_millis(300),
    total: Duration::from_millis(1500),
};

pub(crate) const LIMITS: PoolLimits =
    PoolLimits { sessions: 4, mails: 100, life: Duration::from_mins(5), idle: Duration::from_mins(1) };

pub(crate) fn relay(server: &SmtpServer, deadlines: Deadlines) -> Relay {
    Relay {
        host: "127.0.0.1".to_owned(),
        port: server.port(),
        security: Security::Plain,
        credentials: None,
        hello: ClientId::Domain("ping.example".to_owned()),
        deadlines,
    }
}

pub(crate) fn pool(server: &SmtpServer) -> Pool {
    Pool::new(relay(server, SHORT), LIMITS)
}

/// Sends to `to`; a send that outlives three times its total deadline hangs.
pub(crate) async fn send(pool: &Pool, to: &str) -> Result<(), Failure> {
    let expires = Instant::now() + Duration::from_mins(5);
    timeout(SHORT.total * 3, pool.send(&mail(to), expires)).await.expect("the send outlived its deadline")
}

fn refused(phase: Phase, code: u16) -> Failure {
    Failure::Refused { phase, reply: Reply::new(code) }
}

/// lettre's pool took the late reply to one mail for the acceptance of the next.
#[tokio::test]
async fn trap_1_a_550_after_a_timed_out_send_is_not_taken_for_success() {
    let server = SmtpServer::start().await;
    let pool = pool(&server);
    server.add_rule(Rule::new(ServerPhase::DataEnd, Action::Delay(Duration::from_millis(600))).times(1));
    server.add_rule(Rule::reply(ServerPhase::RcptTo, "550 no").to_recipient("second@example.org"));
    assert_eq!(send(&pool, "first@example.org").await, Err(Failure::TimedOut { phase: Phase::Accept }));
    assert_eq!(send(&pool, "second@example.org").await, Err(refused(Phase::Rcpt, 550)));
    assert_eq!(send(&pool, "third@example.org").await, Ok(()));
}

/// The same, with a caller that goes away in the middle.
#[tokio::test]
async fn trap_1_a_550_after_a_cancelled_send_is_not_taken_for_success() {
    let server = SmtpServer::start().await;
    let pool = pool(&server);
    server.add_rule(Rule::new(ServerPhase::DataEnd, Action::Delay(Duration::from_millis(200))).times(1));
    server.add_rule(Rule::reply(ServerPhase::RcptTo, "550 no").to_recipient("second@example.org"));
    let first = mail("first@example.org");
    let expires = Instant::now() + Duration::from_mins(5);
    assert!(timeout(Duration::from_millis(100), pool.send(&first, expires)).await.is_err());
    assert_eq!(send(&pool, "second@example.org").await, Err(refused(Phase::Rcpt, 550)));
    assert_eq!(server.connections(), 2, "the cancelled session was used again");
}

/// lettre's own timeout covers the TCP connect only.
#[tokio::test]
async fn trap_2_a_server_that_falls_silent_anywhere_is_given_up_at_the_deadline() {
    for (phase, ours) in [
        (ServerPhase::Connect, Phase::Greeting),
        (ServerPhase::Hello, Phase::Greeting),
        (ServerPhase::MailFrom, Phase::Mail),
        (ServerPhase::RcptTo, Phase::Rcpt),
        (ServerPhase::Data, Phase::Data),
        (ServerPhase::DataEnd, Phase::Accept),
    ] {
        let server = SmtpServer::start().await;
        server.add_rule(Rule::new(phase, Action::Silence).times(1));
        let pool = pool(&server);
        assert_eq!(send(&pool, "ada@example.org").await, Err(Failure::TimedOut { phase: ours }), "{phase:?}");
        assert_eq!(send(&pool, "ada@example.org").await, Ok(()), "after silence at {phase:?}");
    }
}

#[tokio::test]
async fn a_reply_that_drips_is_given_up_at_the_deadline() {
    let server = SmtpServer::start().await;
    server.add_rule(Rule::new(ServerPhase::DataEnd, Action::Drip(Duration::from_millis(100))).times(1));
    assert_eq!(
        send(&pool(&server), "ada@example.org").await,
        Err(Failure::TimedOut { phase: Phase::Accept })
    );
}

#[tokio::test]
async fn a_mail_does_not_outlive_its_code() {
    let server = SmtpServer::start().await;
    server.add_rule(Rule::new(ServerPhase::RcptTo, Action::Delay(Duration::from_millis(250))));
    let expires = Instant::now() + Duration::from_millis(100);
    assert_eq!(pool(&server).send(&mail("ada@example.org"), expires).await, Err(Failure::Late));
    assert!(server.messages().is_empty());
}

/// One connection carries mail after mail, refused ones too. That its small writes go out at
/// once is seen on the socket (`smtp::stream`).
#[tokio::test]
async fn one_connection_carries_many_mails_and_survives_a_refused_one() {
    let server = SmtpServer::start().await;
    let pool = pool(&server);
    server.add_rule(Rule::reply(ServerPhase::RcptTo, "550 no").to_recipient("bad@example.org"));
    for n in 0..50 {
        assert_eq!(send(&pool, &format!("p{n}@example.org")).await, Ok(()));
        assert_eq!(send(&pool, "bad@example.org").await, Err(refused(Phase::Rcpt, 550)));
    }
    assert_eq!((server.connections(), server.delivered().len()), (1, 50));
}

#[tokio::test]
async fn a_connection_is_replaced_after_its_mails_are_spent() {
    let server = SmtpServer::start().await;
    let pool = Pool::new(relay(&server, SHORT), PoolLimits { mails: 2, ..LIMITS });
    for _ in 0..4 {
        assert_eq!(send(&pool, "ada@example.org").await, Ok(()));
    }
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_session_that_the_server_closed_while_idle_costs_no_try() {
    let server = SmtpServer::start().await;
    let pool = pool(&server);
    assert_eq!(send(&pool, "first@example.org").await, Ok(()));
    server.add_rule(Rule::reply(ServerPhase::MailFrom, "421 4.4.2 idle for too long").times(1));
    assert_eq!(send(&pool, "second@example.org").await, Ok(()));
    assert_eq!((server.connections(), server.delivered().len()), (2, 2));
}

#[tokio::test]
async fn a_server_that_takes_no_further_connection_is_busy_and_not_away() {
    let server = SmtpServer::start().await;
    let pool = pool(&server);
    server.add_rule(Rule::reply(ServerPhase::Connect, "421 4.7.0 too many connections").on_connection(2));
    server.add_rule(
        Rule::new(ServerPhase::DataEnd, Action::Delay(Duration::from_millis(200))).on_connection(1),
    );
    let (first, second) = tokio::join!(send(&pool, "first@example.org"), async {
        test_kit::wait::wait_until("the first mail to be in work", SHORT.total, async || {
            server.connections() == 1
        })
        .await;
        send(&pool, "second@example.org").await
    });
    assert_eq!((first, second), (Ok(()), Err(Failure::Crowded)));
}

#[tokio::test]
async fn idle_connections_are_closed() {
    let server = SmtpServer::start().await;
    let pool = Pool::new(relay(&server, SHORT), PoolLimits { idle: Duration::ZERO, ..LIMITS });
    assert_eq!(send(&pool, "ada@example.org").await, Ok(()));
    pool.close_idle().await;
    assert_eq!(send(&pool, "ada@example.org").await, Ok(()));
    assert_eq!(server.connections(), 2);
}
