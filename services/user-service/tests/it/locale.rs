//! The languages that a login may ask for.

use serde_json::{Value, json};

use crate::support::{Answer, Service};

const ADA: &str = "ada@example.org";

async fn login(service: &Service, locale: &Value, accept_language: &str) -> Answer {
    let body = json!({ "email": ADA, "locale": locale });
    service.post("/api/v1/login", &body, &[("accept-language", accept_language)]).await
}

#[tokio::test]
async fn a_locale_that_is_no_language_tag_is_a_400_that_mails_and_counts_nothing() {
    let service = Service::start().await;
    for locale in [json!("../../etc"), json!("a".repeat(36)), json!(7), json!("de_AT")] {
        let answer = login(&service, &locale, "de").await.expect(400);
        assert_eq!(answer.json["code"], "invalid-locale", "{locale}");
        assert_eq!(answer.json["errors"][0]["pointer"], "/locale", "{locale}");
    }
    assert_eq!((service.outbox.count(), service.keys().await.len()), (0, 0));
    login(&service, &json!("de"), "").await.expect(200);
}

#[tokio::test]
async fn a_mail_is_wished_for_in_the_language_of_the_body_and_then_in_those_of_the_browser() {
    let service = Service::start().await;
    login(&service, &json!("de-AT"), "fr-CH, fr;q=0.9, *;q=0.1").await.expect(200);
    assert_eq!(service.outbox.last_wishes(), "de-AT,fr-CH,fr");
}

#[tokio::test]
async fn an_accept_language_of_any_form_is_no_error() {
    let service = crate::support::Setup::default().unlimited_logins().start().await;
    let long = "x".repeat(8_000);
    for (header, wishes) in
        [("en;q=2", ""), ("*;q=0", ""), (",;=,q", ""), (long.as_str(), ""), ("zh-TW", "zh-TW")]
    {
        login(&service, &Value::Null, header).await.expect(200);
        assert_eq!(service.outbox.last_wishes(), wishes, "{header}");
    }
}
