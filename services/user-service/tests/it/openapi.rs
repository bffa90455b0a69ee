//! `/openapi.json` says what the service really answers.

use serde_json::{Value, json};

use crate::support::{Answer, MongoDatabase, Service, Setup, key_folder, other};

const ADA: &str = "ada@example.org";

/// The document, with every object closed: a field that is answered and not described is an error.
struct Document(Value);

impl Document {
    async fn of(service: &Service) -> Self {
        let mut document = service.ask("GET", "/openapi.json", None).await.expect(200).json;
        for schema in document["components"]["schemas"].as_object_mut().unwrap().values_mut() {
            close(schema);
        }
        Self(document)
    }

    /// Fails the test where an answer is not as its operation describes it.
    #[track_caller]
    fn describes(&self, operation: &str, answer: &Answer) {
        let (method, path) = operation.split_once(' ').unwrap();
        let responses = &self.0["paths"][path][method.to_ascii_lowercase()]["responses"];
        let response = responses.get(answer.status.to_string()).unwrap_or(&responses["default"]);
        if answer.text.is_empty() {
            assert_eq!(response.get("content"), None, "{operation} {}", answer.status);
            return;
        }
        let content = &response["content"][answer.header("content-type")];
        assert!(
            content.is_object(),
            "{operation} {} is not {}",
            answer.status,
            answer.header("content-type")
        );
        let schema = json!({ "allOf": [content["schema"]], "components": self.0["components"] });
        let validator = jsonschema::draft202012::new(&schema).unwrap();
        let errors = validator.iter_errors(&answer.json).map(|error| error.to_string()).collect::<Vec<_>>();
        assert!(errors.is_empty(), "{operation} {}: {errors:?}\n{}", answer.status, answer.text);
    }
}

fn close(schema: &mut Value) {
    if schema.get("properties").is_some() {
        schema["additionalProperties"] = json!(false);
    }
}

#[tokio::test]
async fn real_answers_are_as_the_document_describes_them() {
    let folder = key_folder();
    let database = MongoDatabase::create().await;
    let service = Setup::default().signing_keys(folder.path()).directory(&database.uri()).start().await;
    let document = Document::of(&service).await;

    let login = |email: &'static str| service.login(email);
    document.describes("POST /api/v1/login", &login(ADA).await.expect(200));
    document.describes("POST /api/v1/login", &login(ADA).await.expect(429));
    document.describes("POST /api/v1/login", &login("ada").await.expect(400));
    let locale = service.post("/api/v1/login", &json!({ "email": ADA, "locale": 7 }), &[]).await.expect(400);
    document.describes("POST /api/v1/login", &locale);
    let unread = service.ask("POST", "/api/v1/login", None).await.expect(415);
    document.describes("POST /api/v1/login", &unread);
    let code = service.outbox.last_code(ADA);
    document.describes("POST /api/v1/verify-otp", &service.verify(ADA, &other(&code)).await.expect(400));
    let signed_in = service.verify(ADA, &code).await.expect(200);
    document.describes("POST /api/v1/verify-otp", &signed_in);

    let token = signed_in.json["token"].as_str();
    let id = signed_in.json["user"]["_id"].as_str().unwrap();
    let authorization = format!("Bearer {}", token.unwrap());
    for (path, template, bearer, status) in [
        ("/api/v1/users/me", "/api/v1/users/me", token, 200),
        ("/api/v1/users/me", "/api/v1/users/me", None, 401),
        ("/api/v1/users", "/api/v1/users", token, 200),
        ("/api/v1/users?limit=1", "/api/v1/users", token, 200),
        ("/api/v1/users?limit=0", "/api/v1/users", token, 200),
        (&format!("/api/v1/users/{id}"), "/api/v1/users/{id}", None, 200),
        (&format!("/api/v1/users/{id}"), "/api/v1/users/{id}", token, 200),
        ("/api/v1/users/x", "/api/v1/users/{id}", None, 404),
        ("/api/v1/sessions", "/api/v1/sessions", token, 200),
        ("/.well-known/jwks.json", "/.well-known/jwks.json", None, 200),
        ("/authz", "/authz", token, 200),
        ("/authz", "/authz", None, 401),
    ] {
        document
            .describes(&format!("GET {template}"), &service.ask("GET", path, bearer).await.expect(status));
    }
    let rename = |body: Value| {
        let headers = [("authorization", authorization.as_str())];
        let service = &service;
        async move { service.put("/api/v1/users/me", &body, &headers).await }
    };
    document.describes("PUT /api/v1/users/me", &rename(json!({ "name": "Ada" })).await.expect(200));
    document.describes("PUT /api/v1/users/me", &rename(json!({})).await.expect(400));

    let refresh = json!({ "refresh_token": signed_in.json["refresh_token"] });
    let refreshed = service.post("/api/v1/token/refresh", &refresh, &[]).await.expect(200);
    document.describes("POST /api/v1/token/refresh", &refreshed);
    let unknown =
        service.post("/api/v1/token/refresh", &json!({ "refresh_token": "x" }), &[]).await.expect(401);
    document.describes("POST /api/v1/token/refresh", &unknown);
    let missing = service.ask("DELETE", "/api/v1/sessions/x", token).await.expect(404);
    document.describes("DELETE /api/v1/sessions/{id}", &missing);
    document.describes(
        "DELETE /api/v1/sessions",
        &service.ask("DELETE", "/api/v1/sessions", token).await.expect(200),
    );
    document
        .describes("POST /api/v1/logout", &service.ask("POST", "/api/v1/logout", token).await.expect(200));
    document.describes("POST /api/v1/logout", &service.ask("POST", "/api/v1/logout", None).await.expect(401));
}

#[tokio::test]
async fn what_is_not_configured_is_described_too() {
    let service = Service::start().await;
    let document = Document::of(&service).await;
    let token = service.sign_in(ADA).await.json["token"].as_str().unwrap().to_owned();
    for (path, template) in [
        ("/api/v1/users", "/api/v1/users"),
        ("/api/v1/users/x", "/api/v1/users/{id}"),
        ("/api/v1/sessions", "/api/v1/sessions"),
        ("/.well-known/jwks.json", "/.well-known/jwks.json"),
    ] {
        let answer = service.ask("GET", path, Some(&token)).await.expect(501);
        document.describes(&format!("GET {template}"), &answer);
    }
}

#[tokio::test]
async fn every_operation_that_is_described_is_there() {
    let service = Service::start().await;
    let document = service.ask("GET", "/openapi.json", None).await.expect(200);
    assert_eq!(document.json["openapi"].as_str().unwrap().split('.').take(2).collect::<Vec<_>>(), ["3", "1"]);
    let mut operations = 0;
    for (path, methods) in document.json["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let answer = service.ask(&method.to_ascii_uppercase(), &path.replace("{id}", "x"), None).await;
            let code = answer.json["code"].as_str().unwrap_or_default();
            assert!(!["not-found", "method-not-allowed"].contains(&code), "{method} {path}: {answer:?}");
            operations += 1;
        }
    }
    assert_eq!(operations, 13);
}
