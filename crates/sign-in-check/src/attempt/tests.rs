//! Sign-ins at a user-service that does as a test says, whose mails come to the real sink by SMTP.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use service_kit::shutdown::Shutdown;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::{Failure, SignIn, Sink, Step};

/// What the fake does otherwise than a good user-service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    Login(u16),
    LimitedOnce,
    NoMail,
    NoCode,
    StrangersMailFirst,
    Verify(u16),
    OtherUser,
    AcceptsTwice,
    Logout(u16),
    NoChallenge,
}

struct Fake {
    fault: Fault,
    sink: SocketAddr,
    seen: Mutex<Vec<String>>,
}

impl Fake {
    fn count(&self, what: &str) -> usize {
        let mut seen = self.seen.lock().unwrap();
        seen.push(what.to_owned());
        seen.iter().filter(|one| *one == what).count()
    }
}

/// Signs in once at a user-service with this fault; answers with the requests that it saw, too.
async fn sign_in(fault: Fault) -> (Result<super::SignedIn, Failure>, Vec<String>) {
    let shutdown = Shutdown::new();
    let sink = Sink::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let fake = Arc::new(Fake { fault, sink: listener.local_addr().unwrap(), seen: Mutex::default() });
    shutdown.spawn("sink", sink.clone().serve(listener, shutdown.clone()));
    let router = Router::new()
        .route("/api/v1/login", post(login))
        .route("/api/v1/verify-otp", post(verify))
        .route("/.well-known/jwks.json", get(async || StatusCode::NOT_IMPLEMENTED))
        .route("/api/v1/logout", post(logout))
        .with_state(Arc::clone(&fake));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    shutdown.spawn("user-service", async { axum::serve(listener, router).await.unwrap() });
    let sign_in = SignIn::new(sink).unwrap().with_mail_deadline(Duration::from_secs(2));
    let result = sign_in.at(&url).await;
    shutdown.trigger();
    let seen = fake.seen.lock().unwrap().clone();
    (result, seen)
}

async fn login(State(fake): State<Arc<Fake>>, Json(body): Json<Value>) -> Response {
    let time = fake.count("login");
    let address = body["email"].as_str().unwrap().to_owned();
    let status = match fake.fault {
        Fault::Login(status) => status,
        Fault::LimitedOnce if time == 1 => 429,
        _ => 200,
    };
    if status != 200 {
        return StatusCode::from_u16(status).unwrap().into_response();
    }
    match fake.fault {
        Fault::NoMail => {}
        Fault::NoCode => mail(fake.sink, &address, "no code").await,
        Fault::StrangersMailFirst => {
            mail(fake.sink, &address, "Your code is 111111.").await;
            mail(fake.sink, &address, "Your code is 482931.").await;
        }
        _ => mail(fake.sink, &address, "Your code is 482931.").await,
    }
    let challenge = if fake.fault == Fault::NoChallenge { Value::Null } else { json!("the challenge") };
    Json(json!({ "challenge": challenge })).into_response()
}

async fn verify(State(fake): State<Arc<Fake>>, Json(body): Json<Value>) -> Response {
    assert_eq!(body["challenge"], "the challenge");
    if body["otp"] != "482931" {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let time = fake.count("verify");
    if let Fault::Verify(status) = fake.fault {
        return StatusCode::from_u16(status).unwrap().into_response();
    }
    if time > 1 && fake.fault != Fault::AcceptsTwice {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let user =
        if fake.fault == Fault::OtherUser { "64f0c0ffee64f0c0ffee64f0" } else { "000000000000000000000000" };
    Json(json!({ "user": { "_id": user }, "token": "a.b.c", "refresh_token": "r" })).into_response()
}

async fn logout(State(fake): State<Arc<Fake>>, Json(body): Json<Value>) -> StatusCode {
    fake.count("logout");
    assert_eq!(body["refresh_token"], "r");
    if let Fault::Logout(status) = fake.fault {
        StatusCode::from_u16(status).unwrap()
    } else {
        StatusCode::OK
    }
}

async fn mail(sink: SocketAddr, address: &str, text: &str) {
    let mut stream = TcpStream::connect(sink).await.unwrap();
    let dialogue = format!(
        "EHLO test\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<{address}>\r\nDATA\r\nSubject: x\r\n\r\n{text}\r\n.\r\nQUIT\r\n"
    );
    stream.write_all(dialogue.as_bytes()).await.unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).await.unwrap();
    assert!(said.contains("250 taken"), "{said}");
}

#[tokio::test]
async fn a_sign_in_requests_verifies_tries_the_code_again_and_signs_out() {
    let (result, seen) = sign_in(Fault::None).await;
    assert!(result.unwrap().code_after < Duration::from_secs(2));
    assert_eq!(seen, ["login", "verify", "verify", "logout"]);
}

#[tokio::test]
async fn what_is_limited_once_or_mailed_by_a_stranger_too_still_works() {
    let (result, seen) = sign_in(Fault::LimitedOnce).await;
    assert!(result.is_ok(), "{result:?}");
    assert_eq!(seen[..2], ["login", "login"]);
    let (result, _) = sign_in(Fault::StrangersMailFirst).await;
    assert!(result.is_ok(), "{result:?}");
}

#[tokio::test]
async fn each_step_that_fails_is_named() {
    let refused = |step, status| Failure::Refused { step, status };
    for (fault, failure) in [
        (Fault::Login(503), refused(Step::Login, 503)),
        (Fault::Login(429), refused(Step::Login, 429)),
        (Fault::NoChallenge, Failure::Incomplete { step: Step::Login, missing: "challenge" }),
        (Fault::NoMail, Failure::NoMail(Duration::from_secs(2))),
        (Fault::NoCode, Failure::NoCode),
        (Fault::Verify(400), refused(Step::Verify, 400)),
        (Fault::Verify(503), refused(Step::Verify, 503)),
        (Fault::AcceptsTwice, Failure::AcceptedTwice),
        (Fault::Logout(503), refused(Step::Logout, 503)),
    ] {
        assert_eq!(sign_in(fault).await.0, Err(failure), "{fault:?}");
    }
    assert_eq!(sign_in(Fault::OtherUser).await.0.unwrap_err().step(), Step::Token);
}

#[tokio::test]
async fn a_user_service_that_does_not_answer_is_no_riddle() {
    let sign_in = SignIn::new(Sink::default()).unwrap();
    let failure = sign_in.at("http://127.0.0.1:9").await.unwrap_err();
    assert_eq!(failure.step(), Step::Login);
    let text = failure.to_string();
    assert!(text.starts_with("user-service does not answer POST /api/v1/login: "), "{text}");
    assert!(text.contains("refused"), "{text}");
}
