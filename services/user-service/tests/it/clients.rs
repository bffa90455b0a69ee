//! The original's clients work unchanged: the browser's calls, the chat service, and its middleware's library.

use serde_json::{Value, json};

use crate::support::{Answer, MongoDatabase, SECRET, Service, Setup, client, client_text};

const ADA: &str = "ada@example.org";
const PAGE: &str = "http://localhost:3000";

/// A call as the original's page makes it: another origin, JSON, and a token in the header once there is one.
struct Browser {
    http: reqwest::Client,
    base: String,
}

/// What a call carries.
#[derive(Default)]
struct Content<'a> {
    body: Option<Value>,
    token: Option<&'a str>,
}

impl Browser {
    async fn open(service: &Service) -> Self {
        let http = test_kit::http_client();
        Self { http, base: format!("http://{}", service.listen().await) }
    }

    /// Asks first, as a browser does, and then sends the call if it may.
    async fn call(&self, method: reqwest::Method, path: &str, content: Content<'_>) -> Answer {
        let Content { body, token } = content;
        let wanted = if token.is_some() { "authorization,content-type" } else { "content-type" };
        let preflight = self
            .http
            .request(reqwest::Method::OPTIONS, format!("{}{path}", self.base))
            .header("origin", PAGE)
            .header("access-control-request-method", method.as_str())
            .header("access-control-request-headers", wanted);
        let preflight = Answer::read(preflight.send().await.unwrap()).await;
        assert!(preflight.status == 200 || preflight.status == 204, "{preflight:?}");
        assert_eq!(preflight.header("access-control-allow-origin"), "*");
        assert!(preflight.header("access-control-allow-methods").contains(method.as_str()), "{preflight:?}");
        for header in wanted.split(',') {
            assert!(preflight.header("access-control-allow-headers").contains(header), "{preflight:?}");
        }
        let mut request = self.http.request(method, format!("{}{path}", self.base)).header("origin", PAGE);
        request = request.header("content-type", "application/json");
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let answer = Answer::read(
            request.body(body.map(|body| body.to_string()).unwrap_or_default()).send().await.unwrap(),
        );
        let answer = answer.await;
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{answer:?}");
        answer
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_browsers_calls_and_the_messages_that_it_shows() {
    use reqwest::Method;
    let database = MongoDatabase::create().await;
    let service = Setup::default().directory(&database.uri()).start().await;
    let browser = Browser::open(&service).await;
    let post = |path: &'static str, body: Value| {
        browser.call(Method::POST, path, Content { body: Some(body), token: None })
    };

    let sent = post("/api/v1/login", json!({ "email": ADA })).await.expect(200);
    assert_eq!(sent.message(), "OTP has been sent to your email");
    let again = post("/api/v1/login", json!({ "email": ADA })).await.expect(429);
    assert_eq!(again.message(), "Too many requests. Please wait before requesting another OTP.");
    let incomplete = post("/api/v1/verify-otp", json!({ "email": ADA })).await.expect(400);
    assert_eq!(incomplete.message(), "Email and OTP are required");
    let code = service.outbox.last_code(ADA);
    let wrong =
        post("/api/v1/verify-otp", json!({ "email": ADA, "otp": crate::support::other(&code) })).await;
    assert_eq!(wrong.expect(400).message(), "Invalid or expired OTP");
    let signed_in = post("/api/v1/verify-otp", json!({ "email": ADA, "otp": code })).await.expect(200);
    assert_eq!(signed_in.message(), "Login successful");
    assert!(signed_in.json["user"]["_id"].is_string() && signed_in.json["user"]["name"] == "ada");

    let token = signed_in.json["token"].as_str();
    let me = browser.call(Method::GET, "/api/v1/users/me", Content { body: None, token }).await.expect(200);
    assert_eq!(me.json["user"], signed_in.json["user"]);
    let renamed = browser
        .call(Method::PUT, "/api/v1/users/me", Content { body: Some(json!({ "name": "Ada" })), token })
        .await;
    assert_eq!(renamed.expect(200).message(), "Name updated successfully");
    let list = browser.call(Method::GET, "/api/v1/users", Content { body: None, token }).await.expect(200);
    assert_eq!(list.json["users"][0]["name"], "Ada");
    let nobody = browser.call(Method::GET, "/api/v1/users/me", Content::default()).await.expect(401);
    assert_eq!(nobody.message(), "Unauthorized - Please login to access, no token provided!");
    let forged = browser
        .call(Method::GET, "/api/v1/users/me", Content { body: None, token: Some("a.b.c") })
        .await
        .expect(401);
    assert_eq!(forged.message(), "Please login to access, invalid token!");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chat_service_reads_a_person_without_a_token() {
    let database = MongoDatabase::create().await;
    let service = Setup::default().directory(&database.uri()).start().await;
    let id = service.sign_in(ADA).await.json["user"]["_id"].as_str().unwrap().to_owned();
    let url = format!("http://{}/api/v1/users/{id}", service.listen().await);
    // As its axios call does: no header of its own.
    let http = test_kit::http_client();
    let answer = Answer::read(http.get(url).send().await.unwrap()).await.expect(200);
    assert_eq!(answer.json, json!({ "user": { "_id": id, "name": "ada" } }));
}

#[tokio::test]
async fn our_shared_secret_token_is_read_by_the_originals_library() {
    let service = Service::start().await;
    let signed_in = service.sign_in(ADA).await;
    let secret = std::str::from_utf8(SECRET).unwrap();
    let user = client("verify-shared-secret.cjs", &[signed_in.json["token"].as_str().unwrap(), secret]).await;
    assert_eq!(user, signed_in.json["user"]);
}

#[tokio::test]
async fn a_token_that_the_original_signed_is_accepted() {
    let service = Service::start().await;
    let user = json!({
        "_id": "64f0c0ffee64f0c0ffee64f0", "name": "Ada", "email": ADA, "__v": 0,
        "createdAt": "2023-11-14T22:13:20.123Z", "updatedAt": "2023-11-14T22:13:20.123Z",
    });
    let secret = std::str::from_utf8(SECRET).unwrap();
    let token = client_text("sign-shared-secret.cjs", &[&user.to_string(), secret]).await;
    let me = service.ask("GET", "/api/v1/users/me", Some(&token)).await.expect(200);
    assert_eq!(me.json["user"]["_id"], user["_id"]);
}
