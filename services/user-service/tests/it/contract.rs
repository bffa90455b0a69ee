//! The whole service over HTTP, with Redis and RabbitMQ: the contract with the original's clients, field by field.

mod original;

use std::time::Duration;

use amqp::{BrokerConfig, Consumer, ConsumerOptions, Delivery};
use ping_contract::event::{EXPIRES_AT_HEADER, ISSUED_AT_HEADER, LOCALES_HEADER};
use redis::AsyncCommands as _;
use serde_json::{Value, json};
use service_kit::{open_files, shutdown::Finish};
use test_kit::{servers::fresh_database, vhost::Vhost, wait::wait_until};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::support::{Answer, DEADLINE, Running, apply_topology};

const ADA: &str = "ada@example.org";
const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// The service with what is behind it.
struct Whole {
    service: Running,
    redis: redis::aio::MultiplexedConnection,
    mails: Consumer,
    vhost: Vhost,
}

impl Whole {
    async fn start(more: &[&str]) -> Self {
        let vhost = Vhost::create().await;
        let redis_url = fresh_database().await;
        apply_topology(&vhost).await;
        let amqp_url = vhost.amqp_url();
        let fixed = ["--jwt-secret", SECRET, "--redis-url", &redis_url, "--rabbitmq-url", &amqp_url];
        let service = Running::start(&[&fixed, more].concat()).await;
        service.wait_until_ready().await;
        let queue = ConsumerOptions { queue: "send-otp".to_owned(), prefetch: 100 };
        let broker = BrokerConfig::from_url(&vhost.amqp_url()).unwrap();
        let mails = Consumer::start(broker, queue, &service.shutdown);
        let redis = redis::Client::open(redis_url).unwrap().get_multiplexed_async_connection().await.unwrap();
        Self { service, redis, mails, vhost }
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.service.post(path, &body).await
    }

    async fn next_mail(&mut self) -> Delivery {
        let next = tokio::time::timeout(DEADLINE, self.mails.next());
        next.await.expect("no mail event came").expect("the consumer ended")
    }
}

#[tokio::test]
async fn login_and_verify_are_the_original_contract_field_by_field() {
    let mut service = Whole::start(&[]).await;
    let answer = service.post("/api/v1/login", json!({ "email": "Ada@Example.org" })).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/json");
    let body = answer.json;
    assert_eq!(body["message"], "OTP has been sent to your email");

    let key = format!("otp:{ADA}");
    let kind: String = redis::cmd("TYPE").arg(&key).query_async(&mut service.redis).await.unwrap();
    let life: i64 = service.redis.pttl(&key).await.unwrap();
    let pause: i64 = service.redis.pttl(format!("otp:ratelimit:{ADA}")).await.unwrap();
    assert_eq!(kind, "string");
    assert!((290_000..=300_000).contains(&life) && (50_000..=60_000).contains(&pause), "{life} {pause}");

    let mail = service.next_mail().await;
    let event: Value = serde_json::from_slice(&mail.body).unwrap();
    let code =
        event["body"].as_str().unwrap().chars().filter(char::is_ascii_digit).take(6).collect::<String>();
    assert_eq!(event["to"], ADA);
    assert_eq!(event["subject"], "Your OTP Code");
    assert_eq!(event["body"], format!("Your OTP code is {code}. It is valid for 5 minutes."));
    assert_eq!((&event["v"], &event["purpose"]), (&json!(1), &json!("sign-in")));
    assert_eq!(event["id"].as_str(), mail.message_id.as_deref());
    let expires: i64 = redis::cmd("PEXPIRETIME")
        .arg(format!("otp:codes:{ADA}"))
        .query_async(&mut service.redis)
        .await
        .unwrap();
    let header = mail.int_header(EXPIRES_AT_HEADER).unwrap();
    assert!((header - expires).abs() <= 50, "the header says {header}, the key {expires}");
    assert_eq!(mail.int_header(ISSUED_AT_HEADER), Some(header - 300_000));
    assert_eq!(mail.text_header(LOCALES_HEADER), None);
    assert!(mail.ack().await);

    let again = service.post("/api/v1/login", json!({ "email": ADA })).await;
    assert_eq!(again.status, 429);
    assert_eq!(again.message(), "Too many requests. Please wait before requesting another OTP.");
    let missing = service.post("/api/v1/verify-otp", json!({ "email": ADA })).await;
    assert_eq!(missing.status, 400);
    assert_eq!(missing.message(), "Email and OTP are required");

    let verified = service.post("/api/v1/verify-otp", json!({ "email": ADA, "otp": code })).await;
    assert_eq!(verified.status, 200);
    let body = verified.json;
    assert_eq!(body["message"], "Login successful");
    assert_eq!((&body["user"]["name"], &body["user"]["email"]), (&json!("ada"), &json!(ADA)));
    assert_eq!(body["user"]["_id"].as_str().unwrap().len(), 24);
    assert!(body["token"].as_str().unwrap().starts_with("eyJ"));
    let gone: bool = service.redis.exists(&key).await.unwrap();
    assert!(!gone, "the used code is still there");
    let twice = service.post("/api/v1/verify-otp", json!({ "email": ADA, "otp": code })).await;
    assert_eq!(twice.status, 400);
    assert_eq!(twice.message(), "Invalid or expired OTP");
}

#[tokio::test]
async fn the_wish_for_a_language_travels_beside_an_event_that_stays_as_it_was() {
    let mut service = Whole::start(&[]).await;
    let body = json!({ "email": ADA, "locale": "de-AT" });
    assert_eq!(service.post("/api/v1/login", body).await.status, 200);
    let mail = service.next_mail().await;
    assert_eq!(mail.text_header(LOCALES_HEADER), Some("de-AT"));
    let event: Value = serde_json::from_slice(&mail.body).unwrap();
    let fields = event.as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>();
    assert_eq!(fields, ["body", "id", "purpose", "subject", "to", "v"]);
    assert!(mail.ack().await);
}

#[tokio::test]
async fn a_login_without_a_queue_is_a_503_that_can_be_repeated() {
    let mut service = Whole::start(&[]).await;
    service.vhost.management().delete(&service.vhost.path("queues", "send-otp")).await;
    for _ in 0..2 {
        let answer = service.post("/api/v1/login", json!({ "email": ADA })).await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, "2"));
    }
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut service.redis).await.unwrap();
    assert_eq!(keys, [""; 0]);
    apply_topology(&service.vhost).await;
    let sent = || async { service.post("/api/v1/login", json!({ "email": ADA })).await.status == 200 };
    wait_until("a login to work again", DEADLINE, sent).await;
    let mut mails = 0;
    while let Ok(Some(mail)) = tokio::time::timeout(Duration::from_secs(2), service.mails.next()).await {
        mails += usize::from(mail.ack().await);
    }
    assert_eq!(mails, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_1000_logins_at_once_for_one_address_one_mail_event_is_queued() {
    let mut service = Whole::start(&["--login-per-ip=0"]).await;
    let logins = (0..1000).map(|_| service.post("/api/v1/login", json!({ "email": ADA })));
    let answers = futures::future::join_all(logins).await;
    let of = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!(of(200), 1);
    assert_eq!(of(429) + of(503), 999);
    assert!(service.next_mail().await.ack().await);
    let more = tokio::time::timeout(Duration::from_secs(1), service.mails.next()).await;
    assert!(more.is_err(), "a second mail event came");
}

#[tokio::test]
async fn half_a_request_header_is_cut_off_after_10_seconds() {
    let service = Whole::start(&[]).await;
    let mut stream = TcpStream::connect(("127.0.0.1", service.service.port)).await.unwrap();
    stream.write_all(b"POST /api/v1/login HTTP/1.1\r\nhost: ping\r\ncontent-ty").await.unwrap();
    let mut rest = Vec::new();
    tokio::time::timeout(DEADLINE, stream.read_to_end(&mut rest)).await.expect("it was left open").unwrap();
}

#[tokio::test]
async fn half_a_body_is_a_408() {
    let service = Whole::start(&[]).await;
    let mut stream = TcpStream::connect(("127.0.0.1", service.service.port)).await.unwrap();
    let half = b"POST /api/v1/login HTTP/1.1\r\nhost: ping\r\nconnection: close\r\ncontent-type: application/json\r\n\
                 content-length: 100\r\n\r\n{\"email\":";
    stream.write_all(half).await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(DEADLINE, stream.read_to_end(&mut answer)).await.expect("it was left open").unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("body-too-slow"), "{answer}");
}

/// More clients than there are permits send half a body each.
#[tokio::test]
async fn slow_bodies_take_no_permit_from_honest_requests() {
    open_files::raise_limit();
    let service = Whole::start(&[]).await;
    let half = b"POST /api/v1/login HTTP/1.1\r\nhost: ping\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{";
    let mut slow = Vec::with_capacity(1400);
    for _ in 0..1400 {
        let mut stream = TcpStream::connect(("127.0.0.1", service.service.port)).await.unwrap();
        stream.write_all(half).await.unwrap();
        slow.push(stream);
    }
    let answer = service.post("/api/v1/login", json!({ "email": ADA })).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn shutdown_is_clean_and_not_waited_for_in_vain() {
    let service = Whole::start(&[]).await;
    service.service.shutdown.trigger();
    assert_eq!(service.service.shutdown.finish(DEADLINE).await, Finish::Clean);
}
