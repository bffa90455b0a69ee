//! What becomes of a login whose mail event is not confirmed.

use ping_contract::topology::MAIL_QUEUE;
use redis::AsyncCommands as _;
use serde_json::json;
use test_kit::{servers::fresh_database, vhost::Vhost, wait::wait_until};

use crate::support::{Answering, CLIENT, DEADLINE, Running, SECRET, Service, Setup, apply_topology};

const ADA: &str = "ada@example.org";

#[tokio::test]
async fn a_refused_publish_is_a_503_that_leaves_nothing_behind() {
    let service = Service::start().await;
    service.outbox.answer(Answering::Refused);
    for _ in 0..30 {
        let answer = service.login(ADA).await.expect(503);
        assert_eq!(answer.header("retry-after"), "2");
    }
    assert_eq!(service.keys().await, [""; 0]);
    service.outbox.answer(Answering::Confirmed);
    let (code, _) = service.code_for(ADA).await;
    service.verify(ADA, &code).await.expect(200);
}

#[tokio::test]
async fn a_refused_resend_leaves_both_earlier_codes_good() {
    let service = Setup::default().unlimited_logins().start().await;
    let (first, _) = service.code_for(ADA).await;
    let (second, _) = service.code_for(ADA).await;
    service.outbox.answer(Answering::Refused);
    service.login(ADA).await.expect(503);
    service.verify(ADA, &service.outbox.last_code(ADA)).await.expect(400);
    service.verify(ADA, &first).await.expect(200);
    service.verify(ADA, &second).await.expect(200);
}

#[tokio::test]
async fn an_unknown_publish_keeps_the_code_and_lets_the_person_ask_again() {
    let service = Service::start().await;
    service.outbox.answer(Answering::Unknown);
    service.login(ADA).await.expect(503);
    let maybe_mailed = service.outbox.last_code(ADA);
    service.outbox.answer(Answering::Confirmed);
    let (code, _) = service.code_for(ADA).await;
    let counted: u32 = service.redis().await.get(format!("limit:login-ip:{CLIENT}")).await.unwrap();
    assert_eq!(counted, 2);
    service.verify(ADA, &maybe_mailed).await.expect(200);
    service.verify(ADA, &code).await.expect(200);
}

#[tokio::test]
async fn a_take_back_leaves_a_later_login_alone() {
    let service = Service::start().await;
    service.outbox.answer(Answering::Never);
    let body = json!({ "email": ADA });
    {
        let slow = service.post("/api/v1/login", &body, &[]);
        tokio::pin!(slow);
        let handed_over = wait_until("the hand-over", DEADLINE, || async { service.outbox.count() == 1 });
        tokio::select! { _ = &mut slow => unreachable!("it is never answered"), () = handed_over => {} }
        // As if its limit had ended, and another login had come meanwhile.
        let _: u32 = service.redis().await.del(format!("otp:ratelimit:{ADA}")).await.unwrap();
        service.outbox.answer(Answering::Confirmed);
        service.login(ADA).await.expect(200);
    }
    // The first one's client is gone: it settles, and must not touch the second one's limit.
    let abandoned = || async { service.metrics.encode().contains(r#"outcome="abandoned"} 1"#) };
    wait_until("the abandoned login to settle", DEADLINE, abandoned).await;
    service.login(ADA).await.expect(429);
}

#[tokio::test]
async fn a_client_that_goes_away_can_ask_again_at_once() {
    let service = Service::start().await;
    service.outbox.answer(Answering::Never);
    {
        let slow = service.login(ADA);
        tokio::pin!(slow);
        let handed_over = wait_until("the hand-over", DEADLINE, || async { service.outbox.count() == 1 });
        tokio::select! { _ = &mut slow => unreachable!("it is never answered"), () = handed_over => {} }
    }
    let maybe_mailed = service.outbox.last_code(ADA);
    service.outbox.answer(Answering::Confirmed);
    let again = || async { service.login(ADA).await.status == 200 };
    wait_until("the limit to be dropped", DEADLINE, again).await;
    service.verify(ADA, &maybe_mailed).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_event_of_a_login_leaves_the_queue_when_its_code_expires() {
    let vhost = Vhost::create().await;
    apply_topology(&vhost).await;
    let (redis_url, amqp_url) = (fresh_database().await, vhost.amqp_url());
    let secret = std::str::from_utf8(SECRET).unwrap();
    let fixed = ["--jwt-secret", secret, "--redis-url", &redis_url, "--rabbitmq-url", &amqp_url];
    let service = Running::start(&[&fixed[..], &["--code-ttl-seconds=7"]].concat()).await;
    service.wait_until_ready().await;
    service.post("/api/v1/login", &json!({ "email": ADA })).await.expect(200);
    let path = format!("{}/get", vhost.path("queues", MAIL_QUEUE));
    let get = json!({ "count": 1, "ackmode": "ack_requeue_true", "encoding": "auto" });
    let found = vhost.management().post(&path, &get).await;
    assert_eq!(found[0]["properties"]["expiration"], "7000", "{found}");
    let gone = |queue: &serde_json::Value| queue["messages"] == 0;
    vhost.management().wait_for("the event to be dropped", &vhost.path("queues", MAIL_QUEUE), gone).await;
}
