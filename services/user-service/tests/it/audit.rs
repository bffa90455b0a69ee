//! The audit log, event by event and field by field.

use redis::AsyncCommands as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Answer, CLIENT, MongoDatabase, Service, Setup, key_folder, other, wrong_codes};

const ADA: &str = "ada@example.org";
const MASKED: &str = "a***@example.org";

async fn with_sessions() -> (TempDir, Service) {
    let folder = key_folder();
    let database = MongoDatabase::create().await;
    let setup = Setup::default().unlimited_logins().signing_keys(folder.path()).directory(&database.uri());
    (folder, setup.start().await)
}

/// The newest line, without what differs from run to run; checks the form of that.
#[track_caller]
fn newest(service: &Service) -> Value {
    let mut line = service.audit_lines().pop().expect("nothing was recorded");
    let fields = line.as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>();
    let all =
        ["address", "detail", "event", "network", "outcome", "request_id", "sid", "target", "time", "user"];
    assert_eq!(fields, all);
    let time = line["time"].take();
    assert!(time.as_str().is_some_and(|time| time.len() == 24 && time.ends_with('Z')), "{time}");
    let request = line["request_id"].take();
    assert!(request.as_str().is_some_and(|id| id.starts_with("urn:uuid:")), "{request}");
    let object = line.as_object_mut().unwrap();
    object.remove("time");
    object.remove("request_id");
    line
}

fn expected(event: &str, outcome: &str, who: [Value; 3], detail: Option<&str>) -> Value {
    let [user, sid, address] = who;
    json!({
        "target": "audit", "event": event, "outcome": outcome, "user": user, "sid": sid, "address": address,
        "network": CLIENT, "detail": detail,
    })
}

fn token(answer: &Answer) -> &str {
    answer.json["token"].as_str().unwrap()
}

fn sid(answer: &Answer) -> Value {
    use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
    let claims = BASE64_URL_SAFE_NO_PAD.decode(token(answer).split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice::<Value>(&claims).unwrap()["sid"].clone()
}

/// A request of our client with a token and without a body.
async fn ask(service: &Service, method: &str, path: &str, token: &str) -> Answer {
    let request = axum::http::Request::builder().method(method).uri(path).header("x-forwarded-for", CLIENT);
    let request = request.header("authorization", format!("Bearer {token}"));
    service.send(request.body(axum::body::Body::empty()).unwrap()).await
}

async fn refresh(service: &Service, token: &Value) -> Answer {
    service.post("/api/v1/token/refresh", &json!({ "refresh_token": token }), &[]).await
}

#[tokio::test]
async fn a_sign_in_names_user_session_address_and_network() {
    let (_folder, service) = with_sessions().await;
    let signed_in = service.sign_in(ADA).await;
    let who = [signed_in.json["user"]["_id"].clone(), sid(&signed_in), json!(MASKED)];
    assert_eq!(newest(&service), expected("sign_in", "success", who, None));
    assert_eq!(service.audit_lines().len(), 1);
    // A client of IPv6 is the network that limits count.
    let client = "2001:db8:1:2:3:4:5:6";
    let (code, _) = service.code_from(client, ADA).await;
    service.verify_from(client, ADA, &code).await.expect(200);
    assert_eq!(newest(&service)["network"], "2001:db8:1:2::/64");
}

#[tokio::test]
async fn wrong_exhausted_and_limited_codes_name_the_address_and_no_user() {
    let service = Setup::default().unlimited_logins().limit("--login-wrong-a-day", 6).start().await;
    let nobody = || [Value::Null, Value::Null, json!(MASKED)];
    let (code, _) = service.code_for(ADA).await;
    for wrong in wrong_codes(&code).take(5) {
        service.verify(ADA, &wrong).await.expect(400);
        assert_eq!(newest(&service), expected("wrong_code", "failure", nobody(), Some("compared")));
    }
    service.verify(ADA, &code).await.expect(400);
    assert_eq!(newest(&service), expected("attempts_exhausted", "failure", nobody(), Some("not_compared")));
    service.verify("alan@example.org", &code).await.expect(400);
    assert_eq!(newest(&service), expected("wrong_code", "failure", nobody(), Some("no_live_code")));
}

#[tokio::test]
async fn a_refusal_by_a_limit_names_the_policies() {
    let service = Setup::default().limit("--login-wrong-per-ip", 1).start().await;
    let nobody = || [Value::Null, Value::Null, json!(MASKED)];
    let (code, _) = service.code_for(ADA).await;
    service.login(ADA).await.expect(429);
    assert_eq!(newest(&service), expected("limited", "refused", nobody(), Some("login-resend")));
    service.verify(ADA, &other(&code)).await.expect(400);
    let refused = service.verify(ADA, &code).await.expect(429);
    assert_eq!(newest(&service), expected("limited", "refused", nobody(), Some("verify-ip")));
    // The id by which the client knows the request.
    assert_eq!(service.audit_lines().pop().unwrap()["request_id"], refused.json["instance"]);
}

#[tokio::test]
async fn a_refresh_its_failure_and_a_copy_are_told_apart() {
    let (_folder, service) = with_sessions().await;
    let first = service.sign_in(ADA).await;
    let who = || [first.json["user"]["_id"].clone(), sid(&first), json!(MASKED)];
    refresh(&service, &first.json["refresh_token"]).await.expect(200);
    assert_eq!(newest(&service), expected("refresh", "success", who(), None));
    let key = format!("session:{}", sid(&first).as_str().unwrap());
    let _: i64 = service.redis().await.hincr(key, "rotated", -60_000).await.unwrap();
    refresh(&service, &first.json["refresh_token"]).await.expect(401);
    assert_eq!(newest(&service), expected("refresh_reuse", "failure", who(), None));
    for unknown in [&first.json["refresh_token"], &json!("nonsense")] {
        refresh(&service, unknown).await.expect(401);
        let nobody = [Value::Null, Value::Null, Value::Null];
        assert_eq!(newest(&service), expected("refresh", "failure", nobody, None));
    }
}

#[tokio::test]
async fn every_sign_out_names_what_it_ended_and_one_that_ends_nothing_is_none() {
    let (_folder, service) = with_sessions().await;
    let who = |answer: &Answer| [answer.json["user"]["_id"].clone(), sid(answer), json!(MASKED)];
    let out = |answer: &Answer, detail: &str| expected("sign_out", "success", who(answer), Some(detail));

    let one = service.sign_in(ADA).await;
    let body = json!({ "refresh_token": one.json["refresh_token"] });
    service.post("/api/v1/logout", &body, &[]).await.expect(200);
    assert_eq!(newest(&service), out(&one, "session"));
    let lines = service.audit_lines().len();
    service.post("/api/v1/logout", &body, &[]).await.expect(200);
    ask(&service, "POST", "/api/v1/logout", token(&one)).await.expect(200);
    assert_eq!(service.audit_lines().len(), lines);

    let two = service.sign_in(ADA).await;
    ask(&service, "POST", "/api/v1/logout", token(&two)).await.expect(200);
    assert_eq!(newest(&service), out(&two, "session"));

    let (three, four) = (service.sign_in(ADA).await, service.sign_in(ADA).await);
    let path = format!("/api/v1/sessions/{}", sid(&three).as_str().unwrap());
    ask(&service, "DELETE", &path, token(&four)).await.expect(200);
    assert_eq!(newest(&service), out(&three, "session"));
    ask(&service, "DELETE", "/api/v1/sessions", token(&four)).await.expect(200);
    assert_eq!(newest(&service), out(&four, "all_sessions"));
}

#[tokio::test]
async fn a_rename_names_the_user_and_not_the_name() {
    let (_folder, service) = with_sessions().await;
    let signed_in = service.sign_in(ADA).await;
    let authorization = format!("Bearer {}", token(&signed_in));
    let body = json!({ "name": "Countess" });
    service.put("/api/v1/users/me", &body, &[("authorization", &authorization)]).await.expect(200);
    let who = [signed_in.json["user"]["_id"].clone(), sid(&signed_in), json!(MASKED)];
    assert_eq!(newest(&service), expected("rename", "success", who, None));
    assert!(!service.audit_text().contains("Countess"));
}

#[tokio::test]
async fn no_code_token_or_full_address_is_in_the_audit_log() {
    let (_folder, service) = with_sessions().await;
    let (code, challenge) = service.code_for(ADA).await;
    let wrong = other(&code);
    service.verify(ADA, &wrong).await.expect(400);
    let signed_in = service.verify_with(&challenge, ADA, &code).await.expect(200);
    let refreshed = refresh(&service, &signed_in.json["refresh_token"]).await.expect(200);
    ask(&service, "DELETE", "/api/v1/sessions", token(&refreshed)).await.expect(200);
    let text = service.audit_text();
    assert_eq!(text.lines().count(), 4, "{text}");
    let secrets = [ADA, &wrong, &code, &challenge, token(&signed_in), token(&refreshed)];
    let refresh_tokens =
        [&signed_in, &refreshed].map(|answer| answer.json["refresh_token"].as_str().unwrap());
    for secret in secrets.into_iter().chain(refresh_tokens) {
        // Six digits may be part of an id by chance.
        assert!(!text.contains(&format!("\"{secret}\"")), "{secret} is in {text}");
    }
}
