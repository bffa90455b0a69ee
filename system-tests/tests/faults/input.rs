//! What must never get through, from either end. Cases 20, 21, 22.

use serde_json::json;
use system_tests::platform::Platform;

use crate::rig::{depth, login, mailed, mails_to, publish};

#[tokio::test]
async fn case_20_what_is_no_event_is_parked_the_first_time() {
    let platform = Platform::start().await;
    let unknown = json!({"v": 99, "to": "a@example.org", "subject": "s", "body": "b"}).to_string();
    let large = json!({"to": "a@example.org", "subject": "s", "body": "x".repeat(10 << 20)}).to_string();
    for payload in ["{ not json", unknown.as_str(), large.as_str()] {
        publish(&platform, payload).await;
    }
    depth(&platform, "send-otp.dead", 3).await;
    depth(&platform, "send-otp", 0).await;
    login(&platform, "alive@example.org").await;
    mailed(&platform, "alive@example.org").await;
    assert_eq!(platform.smtp.messages().len(), 1, "something that is no event was mailed");
    let answer =
        platform.client.login(&format!("{}@example.org", "a".repeat(20_000))).await.expect("no answer");
    assert_eq!(answer.status, 413, "{answer:?}");
}

#[tokio::test]
async fn case_21_line_breaks_add_no_header_and_no_recipient() {
    let platform = Platform::start().await;
    for address in ["a@example.org\r\nBcc: b@example.org", "a@example.org\nDATA", "a\0@example.org"] {
        let answer = platform.client.login(address).await.expect("no answer");
        assert_eq!(answer.status, 400, "{answer:?}");
        publish(&platform, &json!({"to": address, "subject": "s", "body": "b"}).to_string()).await;
    }
    depth(&platform, "send-otp.dead", 3).await;
    let subject = "Hello\r\nBcc: b@example.org\r\n\r\nbody";
    publish(
        &platform,
        &json!({"to": "a@example.org", "subject": subject, "body": ".\r\nMAIL FROM:<x@y.org>"}).to_string(),
    )
    .await;
    mailed(&platform, "a@example.org").await;
    let mails = mails_to(&platform, "a@example.org");
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].recipients, ["a@example.org"]);
    let names: Vec<String> =
        mails[0].headers().into_iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    assert!(!names.contains(&"bcc".to_owned()), "{names:?}");
    assert_eq!(names.iter().filter(|name| *name == "to").count(), 1);
    assert_eq!(platform.smtp.messages().len(), 1);
}

#[tokio::test]
async fn case_22_an_international_domain_is_mailed_and_a_local_part_refused() {
    let platform = Platform::start().await;
    login(&platform, "ada@bücher.example").await;
    mailed(&platform, "ada@xn--bcher-kva.example").await;
    let answer = platform.client.login("ädä@example.org").await.expect("no answer");
    assert_eq!(answer.status, 400, "{answer:?}");
    publish(&platform, &json!({"to": "ädä@example.org", "subject": "s", "body": "b"}).to_string()).await;
    depth(&platform, "send-otp.dead", 1).await;
    depth(&platform, "send-otp", 0).await;
}
