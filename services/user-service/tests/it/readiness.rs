//! An outage is answered with 503 and `Retry-After` by a process that stays ready; a process that has never reached its
//! servers is not ready, and says why.

use std::time::{Duration, Instant};

use amqp::{BrokerConfig, Consumer, ConsumerOptions};
use reqwest::Method;
use serde_json::{Value, json};
use test_kit::{
    port::free_port,
    proxy::{Mode, Proxy},
    readyz::Readyz,
    servers::{RedisServer, fresh_database, shared_mongo_uri},
    smtp::SmtpServer,
    vhost::Vhost,
    wait::wait_for,
};

use crate::support::{
    Answer, CLIENT, DEADLINE, MongoDatabase, Running, Setup, add_key, apply_topology, key_folder,
};

const ADA: &str = "ada@example.org";
const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// What a request may take in all.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

#[track_caller]
fn assert_unavailable(answer: &Answer, what: &str) {
    assert_eq!((answer.status, answer.header("retry-after")), (503, "2"), "{what}: {answer:?}");
}

/// Signs in with the code that the broker holds; the answer of verify-otp.
async fn sign_in(service: &Running, vhost: &Vhost, email: &str) -> Value {
    let login = service.post("/api/v1/login", &json!({ "email": email })).await;
    assert_eq!(login.status, 200, "{login:?}");
    let options = ConsumerOptions { queue: "send-otp".to_owned(), prefetch: 1 };
    let config = BrokerConfig::from_url(&vhost.amqp_url()).unwrap();
    let mut mails = Consumer::start(config, options, &service.shutdown);
    let mail = tokio::time::timeout(DEADLINE, mails.next()).await.expect("no mail event came").unwrap();
    let event: Value = serde_json::from_slice(&mail.body).unwrap();
    mail.ack().await;
    let code = event["body"].as_str().unwrap().chars().filter(char::is_ascii_digit).take(6);
    let body = json!({ "email": email, "otp": code.collect::<String>() });
    let verified = service.post("/api/v1/verify-otp", &body).await;
    assert_eq!(verified.status, 200, "{verified:?}");
    verified.json
}

/// Every endpoint that needs Redis.
async fn ask_all(service: &Running, signed_in: &Value) -> Vec<(&'static str, Answer)> {
    let token = signed_in["token"].as_str();
    let refresh = json!({ "refresh_token": signed_in["refresh_token"] });
    let session = "/api/v1/sessions/0123456789abcdef0123456789abcdef";
    vec![
        ("login", service.post("/api/v1/login", &json!({ "email": "eve@example.org" })).await),
        ("verify", service.post("/api/v1/verify-otp", &json!({ "email": ADA, "otp": "123456" })).await),
        ("refresh", service.post("/api/v1/token/refresh", &refresh).await),
        ("logout by refresh token", service.post("/api/v1/logout", &refresh).await),
        ("logout by token", service.ask(Method::POST, "/api/v1/logout", token).await),
        ("list sessions", service.ask(Method::GET, "/api/v1/sessions", token).await),
        ("end a session", service.ask(Method::DELETE, session, token).await),
        ("authz", service.ask(Method::GET, "/authz", token).await),
        ("me", service.ask(Method::GET, "/api/v1/users/me", token).await),
        ("end all sessions", service.ask(Method::DELETE, "/api/v1/sessions", token).await),
    ]
}

#[tokio::test]
async fn while_redis_is_away_the_process_stays_ready_and_every_endpoint_that_needs_it_answers_503() {
    let mut redis = RedisServer::start().await;
    let vhost = Vhost::create().await;
    let keys = key_folder();
    apply_topology(&vhost).await;
    let redis_url = redis.url();
    let amqp_url = vhost.amqp_url();
    let folder = keys.path().display().to_string();
    let service = Running::start(&[
        "--token-signing-keys-dir",
        &folder,
        "--user-id-secret",
        SECRET,
        "--redis-url",
        &redis_url,
        "--rabbitmq-url",
        &amqp_url,
    ])
    .await;
    service.wait_until_ready().await;
    let signed_in = sign_in(&service, &vhost, ADA).await;

    redis.kill9().await;
    let away = service.wait_for_reason("redis", "RedisUnreachable").await;
    assert_eq!((away.status, &away.body["ready"]), (200, &json!(true)), "{away:?}");
    for (what, answer) in ask_all(&service, &signed_in).await {
        assert_unavailable(&answer, what);
    }
    // What needs no server is answered as ever.
    let token = signed_in["token"].as_str();
    let key_set = service.ask(Method::GET, "/.well-known/jwks.json", token).await;
    assert_eq!(key_set.status, 200, "{key_set:?}");
    assert_eq!((service.readyz().await, service.livez().await), (200, 200));
    let still = service.wait_for_reason("redis", "RedisUnreachable").await;
    assert_eq!(still.check("redis"), away.check("redis"), "since moved without a change");
    assert_eq!(still.reason("rabbitmq"), Some(""));

    redis.restart().await;
    service.wait_for_reason("redis", "").await;
    let login = service.post("/api/v1/login", &json!({ "email": "eve@example.org" })).await;
    assert_eq!(login.status, 200, "{login:?}");
}

#[tokio::test]
async fn while_the_broker_is_away_or_silent_the_process_stays_ready_and_a_login_is_a_503_in_time() {
    let vhost = Vhost::create().await;
    let redis_url = fresh_database().await;
    apply_topology(&vhost).await;
    let broker = vhost.broker().clone();
    let proxy = Proxy::start(format!("{}:{}", broker.host, broker.port).parse().unwrap()).await;
    let through = test_kit::servers::Broker { port: proxy.port(), ..broker };
    let amqp_url = through.amqp_url(vhost.name());
    let fixed = ["--jwt-secret", SECRET, "--redis-url", &redis_url, "--rabbitmq-url", &amqp_url];
    let more = ["--login-resend-after-seconds=0", "--login-per-address=0", "--login-per-ip=0"];
    let service = Running::start(&[&fixed[..], &more[..]].concat()).await;
    service.wait_until_ready().await;
    for mode in [Mode::Refuse, Mode::BlackHole] {
        proxy.set_mode(mode).await;
        if mode == Mode::Refuse {
            proxy.cut_connections();
        }
        let started = Instant::now();
        let answer = service.post("/api/v1/login", &json!({ "email": ADA })).await;
        assert_unavailable(&answer, "login");
        assert!(started.elapsed() < REQUEST_TIMEOUT + Duration::from_secs(1), "{:?}", started.elapsed());
        let away = service.wait_for_reason("rabbitmq", "RabbitMqUnreachable").await;
        assert_eq!((away.status, &away.body["ready"]), (200, &json!(true)), "{away:?}");
        assert_eq!((service.readyz().await, service.livez().await), (200, 200));
        proxy.set_mode(Mode::Forward).await;
        proxy.cut_connections();
        service.wait_for_reason("rabbitmq", "").await;
        let sent = || async {
            let answer = service.post("/api/v1/login", &json!({ "email": ADA })).await;
            (answer.status == 200).then_some(())
        };
        wait_for("a login to work again", DEADLINE, sent).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_directory_is_away_the_process_stays_ready_and_everything_about_users_is_a_503() {
    let keys = key_folder();
    let database = MongoDatabase::create().await;
    let upstream = shared_mongo_uri().trim_start_matches("mongodb://").trim_end_matches('/').parse().unwrap();
    let proxy = Proxy::start(upstream).await;
    let setup = Setup::default().unlimited_logins().signing_keys(keys.path());
    let service = setup.directory(&database.uri_at(proxy.address())).start().await;
    let signed_in = service.sign_in(ADA).await;
    let (code, _) = service.code_for(ADA).await;
    let token = signed_in.json["token"].as_str().unwrap();
    let path = format!("/api/v1/users/{}", signed_in.json["user"]["_id"].as_str().unwrap());
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("x-forwarded-for", CLIENT)];

    proxy.set_mode(Mode::Refuse).await;
    proxy.cut_connections();
    service.wait_for_trouble("directory", Some("DirectoryUnreachable")).await;
    assert!(service.health.not_ready().is_empty(), "the process is no longer ready");
    let refresh = json!({ "refresh_token": signed_in.json["refresh_token"] });
    for (what, answer) in [
        ("verify", service.verify(ADA, &code).await),
        ("refresh", service.post("/api/v1/token/refresh", &refresh, &[]).await),
        ("me", service.ask("GET", "/api/v1/users/me", Some(token)).await),
        ("rename", service.put("/api/v1/users/me", &json!({ "name": "Ada" }), &headers).await),
        ("show a user", service.ask("GET", &path, None).await),
        ("list users", service.ask("GET", "/api/v1/users", Some(token)).await),
    ] {
        assert_unavailable(&answer, what);
    }
    service.login("eve@example.org").await.expect(200);

    proxy.set_mode(Mode::Forward).await;
    service.wait_for_trouble("directory", None).await;
    service.verify(ADA, &code).await.expect(200);
}

#[tokio::test]
async fn a_process_with_a_wrong_setting_is_alive_and_never_ready_and_says_why() {
    let redis = RedisServer::start().await;
    let vhost = Vhost::create().await;
    let redis_url = fresh_database().await;
    apply_topology(&vhost).await;
    assert_eq!(redis.command("CONFIG SET requirepass right").await.unwrap(), "OK");
    let good = vhost.amqp_url();
    let wrong_password = good.replace(&format!(":{}@", vhost.broker().password), ":wrong@");
    let closed = format!("redis://127.0.0.1:{}", free_port());
    let refused = redis.url();
    // Any server with a certificate of its own does.
    let tls = SmtpServer::builder().implicit_tls().start().await;
    let not_trusted = format!("rediss://localhost:{}/0", tls.port());
    let wrong_word = format!("redis://:wrong@{}/0", redis.address());
    for (redis_url, amqp_url, check, reason) in [
        ("redis://redis.invalid:6379", &good, "redis", "RedisHostNotFound"),
        (&closed, &good, "redis", "RedisUnreachable"),
        (&not_trusted, &good, "redis", "RedisTlsFailed"),
        (&refused, &good, "redis", "RedisAccessDenied"),
        (&wrong_word, &good, "redis", "RedisAccessDenied"),
        (&redis_url, &"amqp://a:b@rabbitmq.invalid:5672/x".to_owned(), "rabbitmq", "RabbitMqHostNotFound"),
        (&redis_url, &wrong_password, "rabbitmq", "RabbitMqAccessDenied"),
        (&redis_url, &format!("{good}-is-no-vhost"), "rabbitmq", "RabbitMqAccessDenied"),
    ] {
        let arguments = ["--jwt-secret", SECRET, "--redis-url", redis_url, "--rabbitmq-url", amqp_url];
        let service = Running::start(&arguments).await;
        let told = service.wait_for_reason(check, reason).await;
        assert_eq!((told.status, &told.body["ready"]), (503, &json!(false)), "{told:?}");
        let text = told.body.to_string();
        assert!(!text.contains("wrong") && !text.contains("127.0.0.1"), "{text}");
        assert_eq!((service.readyz().await, service.livez().await), (503, 200), "{reason}");
    }
}

#[tokio::test]
async fn a_process_waits_for_the_queue_and_stays_ready_when_it_is_deleted_later() {
    let vhost = Vhost::create().await;
    let redis_url = fresh_database().await;
    let amqp_url = vhost.amqp_url();
    let arguments = ["--jwt-secret", SECRET, "--redis-url", &redis_url, "--rabbitmq-url", &amqp_url];
    let service = Running::start(&arguments).await;
    let missing = service.wait_for_reason("rabbitmq", "QueueMissing").await;
    assert_eq!(missing.status, 503, "{missing:?}");
    apply_topology(&vhost).await;
    service.wait_until_ready().await;
    vhost.management().delete(&vhost.path("queues", "send-otp")).await;
    let deleted = service.wait_for_reason("rabbitmq", "QueueMissing").await;
    assert_eq!(deleted.status, 200, "{deleted:?}");
    assert_unavailable(&service.post("/api/v1/login", &json!({ "email": ADA })).await, "login");
    apply_topology(&vhost).await;
    service.wait_for_reason("rabbitmq", "").await;
}

#[tokio::test]
async fn signing_keys_that_break_are_reported_while_those_in_memory_stay_in_use() {
    let keys = key_folder();
    let service = Setup::default().unlimited_logins().signing_keys(keys.path()).start().await;
    std::fs::write(keys.path().join("b.pem"), "not a key").unwrap();
    service.wait_for_trouble("signing-keys", Some("SigningKeysInvalid")).await;
    service.sign_in(ADA).await;
    assert!(service.health.not_ready().is_empty(), "the process is no longer ready");
    add_key(keys.path(), "b.pem", 2);
    service.wait_for_trouble("signing-keys", None).await;
}

#[tokio::test]
async fn the_checks_are_those_of_the_servers_and_keys_that_the_process_needs() {
    let vhost = Vhost::create().await;
    let redis_url = fresh_database().await;
    apply_topology(&vhost).await;
    let database = MongoDatabase::create().await;
    let amqp_url = vhost.amqp_url();
    let uri = database.uri();
    let fixed = ["--jwt-secret", SECRET, "--redis-url", &redis_url, "--rabbitmq-url", &amqp_url];
    for (more, names) in [
        (&[][..], &["rabbitmq", "redis", "signing-keys"][..]),
        (&["--mongo-uri", &uri][..], &["directory", "rabbitmq", "redis", "signing-keys"][..]),
    ] {
        let service = Running::start(&[&fixed[..], more].concat()).await;
        service.wait_until_ready().await;
        let answer = Readyz::ask(service.management_port).await.unwrap();
        let checks = answer.body["checks"].as_array().unwrap();
        assert!(checks.iter().all(|check| check["usable"] == true), "{answer:?}");
        let found = checks.iter().map(|check| check["name"].as_str().unwrap()).collect::<Vec<_>>();
        assert_eq!(found, names);
    }
}
