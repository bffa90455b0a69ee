//! user-service, Mailpit and the operator in one, as far as the commands see them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{ConnectInfo, Json, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::net::TcpListener;

#[derive(Debug, Default)]
struct Seen {
    refusals_left: u32,
    mails: Vec<String>,
    challenges: Vec<String>,
    /// The connection that reached the operator's replica that does not lead.
    follower: Option<SocketAddr>,
}

type Shared = Arc<Mutex<Seen>>;

pub(crate) struct TestServer {
    pub(crate) url: String,
    seen: Shared,
}

impl TestServer {
    /// The first `refusals` logins with an address are answered 503.
    pub(crate) async fn start(refusals: u32) -> Self {
        let seen = Shared::new(Mutex::new(Seen { refusals_left: refusals, ..Seen::default() }));
        let router = Router::new()
            .route("/api/v1/login", post(login))
            .route("/api/v1/verify-otp", post(verify))
            .route("/api/v1/search", get(search))
            .route("/api/v1/message/{id}", get(async || Json(json!({ "Text": "Your code is 482931." }))))
            .route("/readyz", get(async || "ready"))
            .route("/metrics", get(metrics))
            .with_state(Arc::clone(&seen))
            .into_make_service_with_connect_info::<SocketAddr>();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
        Self { url, seen }
    }

    pub(crate) fn mails(&self) -> usize {
        self.seen.lock().unwrap().mails.len()
    }

    pub(crate) fn challenges(&self) -> Vec<String> {
        self.seen.lock().unwrap().challenges.clone()
    }
}

async fn login(State(seen): State<Shared>, Json(body): Json<Value>) -> Response {
    let mut seen = seen.lock().unwrap();
    let email = body["email"].as_str().unwrap().to_owned();
    if !email.contains('@') {
        return StatusCode::BAD_REQUEST.into_response();
    }
    if seen.refusals_left > 0 {
        seen.refusals_left -= 1;
        return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "message": "not now" }))).into_response();
    }
    seen.mails.push(email);
    Json(json!({ "message": "sent", "challenge": "the-challenge" })).into_response()
}

async fn verify(State(seen): State<Shared>, Json(body): Json<Value>) -> Response {
    if body["otp"] != "482931" {
        return StatusCode::BAD_REQUEST.into_response();
    }
    seen.lock().unwrap().challenges.push(body["challenge"].as_str().unwrap_or_default().to_owned());
    Json(json!({ "message": "in", "token": "e30.eyJzdWIiOiJhIiwiZXhwIjoxfQ.c2ln" })).into_response()
}

/// A Service sends the first connection to the replica that does not lead, and the others to the leader.
async fn metrics(State(seen): State<Shared>, ConnectInfo(peer): ConnectInfo<SocketAddr>) -> &'static str {
    let follower = *seen.lock().unwrap().follower.get_or_insert(peer);
    if peer == follower { "ping_operator_leader 0\n" } else { "ping_operator_leader 1\n" }
}

async fn search(State(seen): State<Shared>, Query(query): Query<Value>) -> Json<Value> {
    let seen = seen.lock().unwrap();
    let to = query["query"].as_str().unwrap();
    let mails = seen.mails.iter().filter(|mail| to == format!("to:\"{mail}\""));
    let mails: Vec<Value> = mails.map(|mail| json!({ "ID": "1", "To": [{ "Address": mail }] })).collect();
    Json(json!({ "messages": mails }))
}
