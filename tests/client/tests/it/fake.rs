//! Login, codes, sessions and their mails in memory, behind one address.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Json, Router,
    extract::{Query, State},
    http::{StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Which promise it breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// Five logins are answered 503.
    FirstLoginsUnavailable,
    CodesWorkTwice,
    /// The second refresh of a session is refused.
    SessionsEnd,
    MailsComeTwice,
}

pub(crate) struct Fake {
    fault: Fault,
    state: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    logins: usize,
    codes: BTreeMap<String, String>,
    mails: Vec<Value>,
}

type Shared = State<Arc<Fake>>;

impl Fake {
    /// Serves on a free port, and returns the URL of both servers.
    pub(crate) async fn start(fault: Fault) -> String {
        let fake = Arc::new(Self { fault, state: Mutex::default() });
        let router = Router::new()
            .route("/api/v1/login", post(login))
            .route("/api/v1/verify-otp", post(verify))
            .route("/api/v1/token/refresh", post(refresh))
            .route("/api/v1/messages", get(messages))
            .with_state(fake);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}")
    }

    fn state(&self) -> MutexGuard<'_, Memory> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn text(body: &Value, field: &str) -> String {
    body[field].as_str().unwrap_or_default().to_owned()
}

async fn login(State(fake): Shared, Json(body): Json<Value>) -> Response {
    let mut state = fake.state();
    state.logins += 1;
    let number = state.logins;
    if fake.fault == Fault::FirstLoginsUnavailable && number <= 5 {
        return (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "1")]).into_response();
    }
    let address = text(&body, "email");
    let code = format!("{number:06}");
    for copy in 0..if fake.fault == Fault::MailsComeTwice { 2 } else { 1 } {
        state.mails.push(json!({
            "ID": format!("{number}-{copy}"), "MessageID": number.to_string(), "To": [{ "Address": address }],
            "Snippet": format!("Your OTP code is {code}."),
        }));
    }
    state.codes.insert(address, code);
    Json(json!({})).into_response()
}

async fn verify(State(fake): Shared, Json(body): Json<Value>) -> Response {
    let mut state = fake.state();
    let address = text(&body, "email");
    if state.codes.get(&address) != Some(&text(&body, "otp")) {
        return StatusCode::BAD_REQUEST.into_response();
    }
    if fake.fault != Fault::CodesWorkTwice {
        state.codes.remove(&address);
    }
    Json(json!({ "refresh_token": "1" })).into_response()
}

async fn refresh(State(fake): Shared, Json(body): Json<Value>) -> Response {
    let number: u32 = text(&body, "refresh_token").parse().unwrap_or_default();
    if fake.fault == Fault::SessionsEnd && number > 1 {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    Json(json!({ "refresh_token": (number + 1).to_string() })).into_response()
}

/// The newest first, as Mailpit lists them.
async fn messages(State(fake): Shared, Query(page): Query<BTreeMap<String, usize>>) -> Json<Value> {
    let [start, limit] = ["start", "limit"].map(|name| page.get(name).copied().unwrap_or_default());
    let messages: Vec<Value> = fake.state().mails.iter().rev().skip(start).take(limit).cloned().collect();
    Json(json!({ "messages": messages }))
}
