//! No code, token, password or full address leaves the services but to those that they are for.

use std::time::Duration;

use serde_json::{Value, json};
use system_tests::platform::{Platform, Setup};
use test_kit::{
    smtp::{Phase, Rule},
    wait::{wait_for, wait_until},
};

const DEADLINE: Duration = Duration::from_mins(1);
const REFUSED: &str = "refused.by.server@example.org";
const JWT_SECRET: &str = "a secret that must not be told to anyone";

#[tokio::test]
async fn nothing_secret_is_in_a_log_line_a_metric_or_a_parked_message() {
    let setup = Setup {
        user_service: vec![("JWT_SECRET", JWT_SECRET.into()), ("LOG_FILTER", "trace".into())],
        mail_service: vec![("LOG_FILTER", "trace".into())],
        ..Setup::default()
    };
    let mut platform = Platform::start_with(setup).await;
    platform.smtp.add_rule(Rule::reply(Phase::RcptTo, "550 5.1.1 no such user").to_recipient(REFUSED));
    let mut secrets = vec![JWT_SECRET.to_owned(), "admin123".to_owned(), REFUSED.to_owned()];

    for number in 0..20 {
        let address = format!("secret.person.{number}@example.org");
        secrets.push(address.clone());
        sign_in(&platform, &address, &mut secrets).await;
    }
    assert_eq!(platform.client.login(REFUSED).await.map(|answer| answer.status), Some(200));
    let parked = parked_message(&platform).await;
    secrets.extend(break_and_mend(&mut platform).await);

    for service in [&platform.user_service, &platform.mail_service] {
        assert!(
            !service.output().lines().is_empty(),
            "a service said nothing: the search would find nothing"
        );
        service.output().assert_holds_none_of(&secrets);
    }
    let metrics = [platform.user_service_metrics().await, platform.mail_service_metrics().await];
    for text in metrics.iter().chain([&parked]) {
        assert!(!text.is_empty());
        for (number, secret) in secrets.iter().enumerate() {
            assert!(!text.contains(secret.as_str()), "secret {number} is in: {text}");
        }
    }
}

/// One sign-in with a wrong try before it; adds the code and what the service gave for it.
async fn sign_in(platform: &Platform, address: &str, secrets: &mut Vec<String>) {
    let answer = platform.client.login(address).await.expect("no answer to a login");
    assert_eq!(answer.status, 200, "{answer:?}");
    secrets.extend(answer.body["challenge"].as_str().map(str::to_owned));
    let code = code_for(platform, address).await;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    assert_eq!(platform.client.verify(address, wrong).await.map(|answer| answer.status), Some(400));
    let answer = platform.client.verify(address, &code).await.expect("no answer to a verify");
    assert_eq!(answer.status, 200, "{answer:?}");
    secrets.push(code);
    secrets.extend(
        ["token", "refresh_token"].iter().filter_map(|name| Some(answer.body[name].as_str()?.to_owned())),
    );
}

async fn code_for(platform: &Platform, address: &str) -> String {
    wait_for("a sign-in mail", DEADLINE, || async {
        let mails = platform.smtp.delivered();
        mails
            .iter()
            .find(|mail| mail.recipients.iter().any(|to| to == address))
            .and_then(test_kit::smtp::Message::code)
    })
    .await
}

/// What lies in the parking queue, as the broker shows it to its administrator.
async fn parked_message(platform: &Platform) -> String {
    wait_until("a parked message", DEADLINE, || async {
        platform.queue_depth("send-otp.dead").await == Some(1)
    })
    .await;
    let get = json!({"count": 1, "ackmode": "ack_requeue_true", "encoding": "auto"});
    let parked = platform.rabbitmq.management().post("/api/queues/%2F/send-otp.dead/get", &get).await;
    let text = parked.to_string();
    assert!(text.contains("r***@example.org"), "the masked address helps whoever reads it: {text}");
    assert_ne!(parked, Value::Null);
    text
}

/// Errors have the longest texts: some of each kind. Returns the addresses that were used.
async fn break_and_mend(platform: &mut Platform) -> Vec<String> {
    let address = "outage.person@example.org".to_owned();
    platform.redis.kill9().await;
    assert_eq!(platform.client.login(&address).await.map(|answer| answer.status), Some(503));
    platform.redis.restart().await;
    platform.rabbitmq.kill9().await;
    wait_until("a login to be refused without a broker", DEADLINE, || async {
        platform.client.login(&address).await.is_some_and(|answer| answer.status == 503)
    })
    .await;
    platform.rabbitmq.restart().await;
    platform.user_service.wait_for_reason("rabbitmq", "").await;
    vec![address]
}
