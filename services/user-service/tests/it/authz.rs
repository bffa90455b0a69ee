//! `/authz`, as ingress controllers ask it; with a real nginx.

use std::{net::SocketAddr, process::Stdio};

use axum::{
    Json, Router,
    body::Body,
    http::{HeaderMap, Request},
    routing::any,
};
use serde_json::{Value, json};
use service_kit::{
    http::{ServeOptions, serve},
    shutdown::Shutdown,
};
use tempfile::TempDir;
use test_kit::{port::free_port, wait::wait_until};
use tokio::process::{Child, Command};

use crate::support::{Answer, DEADLINE, SECRET, Service, Setup, dev, key_folder};

const ADA: &str = "ada@example.org";

async fn with_cookie() -> (TempDir, Service) {
    let folder = key_folder();
    let setup = Setup::default().unlimited_logins().signing_keys(folder.path()).cookie_domain("example.org");
    let service = setup.origin("https://app.example.org").start().await;
    (folder, service)
}

fn token(answer: &Answer) -> &str {
    answer.json["token"].as_str().unwrap()
}

async fn ask_with(service: &Service, request: axum::http::request::Builder) -> Answer {
    service.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_good_token_is_200_with_who_it_is_and_anything_else_401() {
    let service = Service::start().await;
    let signed_in = service.sign_in(ADA).await;
    let answer = service.ask("GET", "/authz", Some(token(&signed_in))).await.expect(200);
    assert_eq!(answer.header("x-ping-user"), signed_in.json["user"]["_id"].as_str().unwrap());
    assert_eq!(answer.header("x-ping-email"), ADA);
    assert_eq!((answer.text.as_str(), answer.header("cache-control")), ("", "no-store"));
    let without = service.ask("GET", "/authz", None).await.expect(401);
    assert_eq!(without.header("www-authenticate"), "Bearer");
    let bad = service.ask("GET", "/authz", Some("a.b.c")).await.expect(401);
    assert_eq!(bad.header("www-authenticate"), "Bearer error=\"invalid_token\"");
    assert_eq!(bad.header("x-ping-user"), "");
}

/// Envoy sends the method of the request it asks about, and its path behind ours. An OPTIONS is no way around.
#[tokio::test]
async fn any_method_and_any_path_below_are_judged_alike() {
    let service = Service::start().await;
    let signed_in = service.sign_in(ADA).await;
    for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"] {
        for path in ["/authz", "/authz/", "/authz/orders/7?page=2"] {
            service.ask(method, path, Some(token(&signed_in))).await.expect(200);
            service.ask(method, path, None).await.expect(401);
        }
    }
    let preflight = Request::options("/authz")
        .header("origin", "https://evil.example")
        .header("access-control-request-method", "GET");
    ask_with(&service, preflight).await.expect(401);
}

#[tokio::test]
async fn the_cookie_is_set_by_verify_and_refresh_cleared_by_logout_and_read_by_authz_alone() {
    let (_folder, service) = with_cookie().await;
    let signed_in = service.sign_in(ADA).await;
    let cookie = signed_in.header("set-cookie").to_owned();
    let attributes = "; Domain=example.org; Path=/; Max-Age=900; HttpOnly; Secure; SameSite=Lax";
    assert_eq!(cookie, format!("ping_token={}{attributes}", token(&signed_in)));
    let sent = format!("theme=dark; ping_token={}", token(&signed_in));
    let answer = ask_with(&service, Request::get("/authz").header("cookie", &sent)).await.expect(200);
    assert_eq!(answer.header("x-ping-email"), ADA);
    for path in ["/api/v1/users/me", "/api/v1/sessions"] {
        ask_with(&service, Request::get(path).header("cookie", &sent)).await.expect(401);
    }
    // A bad Bearer token is not made good by a cookie.
    let both = Request::get("/authz").header("cookie", &sent).header("authorization", "Bearer a.b.c");
    ask_with(&service, both).await.expect(401);

    let body = json!({ "refresh_token": signed_in.json["refresh_token"] });
    let refreshed = service.post("/api/v1/token/refresh", &body, &[]).await.expect(200);
    assert!(refreshed.header("set-cookie").starts_with(&format!("ping_token={};", token(&refreshed))));
    let out = service.ask("POST", "/api/v1/logout", Some(token(&refreshed))).await.expect(200);
    assert!(out.header("set-cookie").starts_with("ping_token=; Domain=example.org; Path=/; Max-Age=0;"));
}

#[tokio::test]
async fn two_cookies_that_differ_are_401_whichever_is_good() {
    let (_folder, service) = with_cookie().await;
    let ada = service.sign_in(ADA).await;
    let eve = service.sign_in("eve@example.org").await;
    let ask =
        async |cookies: String| ask_with(&service, Request::get("/authz").header("cookie", cookies)).await;
    ask(format!("ping_token={0}; ping_token={0}", token(&ada))).await.expect(200);
    for second in [token(&eve), "a.b.c"] {
        for cookies in [[token(&ada), second], [second, token(&ada)]] {
            let answer =
                ask(format!("ping_token={}; ping_token={}", cookies[0], cookies[1])).await.expect(401);
            assert_eq!(
                (answer.json["code"].as_str(), answer.header("x-ping-user")),
                (Some("invalid-token"), "")
            );
        }
    }
}

#[tokio::test]
async fn the_cookie_is_cleared_only_by_a_request_that_other_sites_cannot_send() {
    let (_folder, service) = with_cookie().await;
    let signed_in = service.sign_in(ADA).await;
    let logout = || Request::post("/api/v1/logout");
    let cookie = format!("ping_token={}", token(&signed_in));
    for (content_type, body, status) in [
        ("text/plain", r#"{"refresh_token":"x"}"#, 415),
        ("application/x-www-form-urlencoded", "refresh_token=x", 415),
        ("application/json", "nonsense", 400),
        ("application/json", "", 401),
    ] {
        let request = logout().header("content-type", content_type).header("cookie", &cookie);
        let answer = service.send(request.body(Body::from(body)).unwrap()).await.expect(status);
        assert_eq!(answer.header("set-cookie"), "", "{content_type} {body}");
    }
    let bare = ask_with(&service, logout().header("cookie", &cookie)).await.expect(401);
    assert_eq!(bare.header("set-cookie"), "");
    // A client that has lost its tokens gets rid of its cookie by JSON.
    let answer = service.post("/api/v1/logout", &json!({}), &[("cookie", &cookie)]).await.expect(401);
    assert!(answer.header("set-cookie").starts_with("ping_token=;"), "{answer:?}");
}

/// Without the header a proxy would pass on the one that the client sent.
#[tokio::test]
async fn an_address_that_no_header_can_hold_is_an_empty_header() {
    let service = Service::start().await;
    let exp = jsonwebtoken::get_current_timestamp() + 60;
    let claims = json!({ "user": { "_id": "00".repeat(12), "email": "a\nb@example.org" }, "exp": exp });
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET);
    let token = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap();
    let answer = service.ask("GET", "/authz", Some(&token)).await.expect(200);
    assert_eq!(answer.headers["x-ping-email"].as_bytes(), b"");
    assert_eq!(answer.header("x-ping-user"), "00".repeat(12));
}

#[tokio::test]
async fn the_named_origins_may_send_credentials_where_there_is_a_cookie() {
    let (_folder, service) = with_cookie().await;
    let origin = [("origin", "https://app.example.org")];
    let answer = service.post("/api/v1/login", &json!({ "email": ADA }), &origin).await.expect(200);
    assert_eq!(answer.header("access-control-allow-credentials"), "true");
    assert_eq!(answer.header("access-control-allow-origin"), "https://app.example.org");
}

#[tokio::test]
async fn without_a_cookie_domain_no_cookie_is_set_or_read() {
    let service = Service::start().await;
    let signed_in = service.sign_in(ADA).await;
    assert_eq!(signed_in.header("set-cookie"), "");
    let sent = format!("ping_token={}", token(&signed_in));
    ask_with(&service, Request::get("/authz").header("cookie", sent)).await.expect(401);
}

/// An nginx in front of an app that tells what it was sent.
struct Protected {
    base: String,
    http: reqwest::Client,
    _nginx: Child,
    _folder: TempDir,
}

impl Protected {
    async fn start(service: &Service) -> Self {
        let program = dev("tool", &["nginx"]).await;
        let folder = TempDir::new().unwrap();
        let port = free_port();
        let app = echoing_app().await;
        let ping = service.listen().await;
        std::fs::write(folder.path().join("nginx.conf"), nginx_conf(port, app, ping)).unwrap();
        let nginx = Command::new(program)
            .args(["-e", "stderr", "-p", &folder.path().display().to_string(), "-c", "nginx.conf"])
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let listens = || async { tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() };
        wait_until("nginx to listen", DEADLINE, listens).await;
        service_kit::tls::install_provider();
        let http = test_kit::http_client();
        Self { base: format!("http://127.0.0.1:{port}"), http, _nginx: nginx, _folder: folder }
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.http.get(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::read(request.send().await.unwrap()).await
    }
}

async fn echoing_app() -> SocketAddr {
    let echo = |headers: HeaderMap| async move {
        let seen = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Json(json!({ "user": seen("x-ping-user"), "email": seen("x-ping-email") }))
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new().fallback(any(echo));
    let shutdown = Shutdown::new();
    let serving = serve(listener, app, ServeOptions::default(), shutdown.clone());
    shutdown.spawn("the protected app", serving);
    address
}

fn nginx_conf(port: u16, app: SocketAddr, ping: SocketAddr) -> String {
    format!(
        "daemon off; master_process off; pid nginx.pid; events {{}}
        http {{
            access_log off; client_body_temp_path body; proxy_temp_path proxy;
            fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
            server {{
                listen 127.0.0.1:{port};
                location / {{
                    auth_request /_authz;
                    auth_request_set $ping_user $upstream_http_x_ping_user;
                    auth_request_set $ping_email $upstream_http_x_ping_email;
                    proxy_set_header X-Ping-User $ping_user;
                    proxy_set_header X-Ping-Email $ping_email;
                    proxy_pass http://{app};
                }}
                location = /_authz {{
                    internal;
                    proxy_pass http://{ping}/authz;
                    proxy_pass_request_body off;
                    proxy_set_header Content-Length '';
                }}
            }}
        }}"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_lets_in_whom_authz_lets_in_and_tells_the_app_who_it_is() {
    let (_folder, service) = with_cookie().await;
    let signed_in = service.sign_in(ADA).await;
    let protected = Protected::start(&service).await;
    let id = signed_in.json["user"]["_id"].as_str().unwrap();
    let seen: Value = json!({ "user": id, "email": ADA });

    protected.get("/orders", &[]).await.expect(401);
    protected.get("/orders", &[("authorization", "Bearer a.b.c")]).await.expect(401);
    let bearer = format!("Bearer {}", token(&signed_in));
    assert_eq!(protected.get("/orders", &[("authorization", &bearer)]).await.expect(200).json, seen);
    let cookie = format!("ping_token={}", token(&signed_in));
    // What a client claims about itself in these headers is ignored.
    let headers =
        [("cookie", cookie.as_str()), ("x-ping-user", "root"), ("x-ping-email", "root@example.org")];
    assert_eq!(protected.get("/orders", &headers).await.expect(200).json, seen);
}
