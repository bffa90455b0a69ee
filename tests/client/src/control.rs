//! The API by which a case uses this pod.
//!
//! | request | answer |
//! |---|---|
//! | `GET /ready` | 200 |
//! | `POST /call` with a [`Call`] | its [`Answer`] |
//! | `POST /loads` with a [`LoadPlan`] | 201, and the load runs |
//! | `GET /loads` | the summaries of all loads by prefix |
//! | `GET /loads/{prefix}` | the [`Summary`] |
//! | `POST /loads/{prefix}/stop` | 202 |
//! | `GET /loads/{prefix}/ledger` | the [`Ledger`](crate::ledger::Ledger); 409 while the load runs |

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};

use crate::{
    call::{Answer, Call, Caller},
    context::LoadContext,
    ledger::Summary,
    load,
    plan::LoadPlan,
};

/// The loads by prefix.
#[derive(Debug)]
struct Loads {
    caller: Caller,
    running: Mutex<BTreeMap<String, Arc<LoadContext>>>,
}

impl Loads {
    fn find(&self, prefix: &str) -> Result<Arc<LoadContext>, StatusCode> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.get(prefix).cloned().ok_or(StatusCode::NOT_FOUND)
    }
}

pub fn router(caller: Caller) -> Router {
    Router::new()
        .route("/ready", get(|| async { StatusCode::OK }))
        .route("/call", post(call))
        .route("/loads", get(summaries).post(start))
        .route("/loads/{prefix}", get(summary))
        .route("/loads/{prefix}/stop", post(stop))
        .route("/loads/{prefix}/ledger", get(ledger))
        .with_state(Arc::new(Loads { caller, running: Mutex::default() }))
}

async fn call(State(loads): State<Arc<Loads>>, Json(call): Json<Call>) -> Json<Answer> {
    Json(loads.caller.send(&call).await)
}

async fn start(State(loads): State<Arc<Loads>>, Json(plan): Json<LoadPlan>) -> Response {
    if let Err(error) = plan.check() {
        return (StatusCode::BAD_REQUEST, error.to_string()).into_response();
    }
    let context = Arc::new(LoadContext::new(plan.clone(), loads.caller.clone()));
    let mut running = loads.running.lock().unwrap_or_else(PoisonError::into_inner);
    if running.contains_key(&plan.prefix) {
        return (StatusCode::CONFLICT, "a load with this prefix exists: choose another").into_response();
    }
    running.insert(plan.prefix, context.clone());
    tokio::spawn(load::run(context));
    StatusCode::CREATED.into_response()
}

async fn summaries(State(loads): State<Arc<Loads>>) -> Json<BTreeMap<String, Summary>> {
    let running = loads.running.lock().unwrap_or_else(PoisonError::into_inner);
    Json(running.iter().map(|(prefix, load)| (prefix.clone(), load.summary())).collect())
}

async fn summary(
    State(loads): State<Arc<Loads>>,
    Path(prefix): Path<String>,
) -> Result<Json<Summary>, StatusCode> {
    Ok(Json(loads.find(&prefix)?.summary()))
}

async fn stop(State(loads): State<Arc<Loads>>, Path(prefix): Path<String>) -> Result<StatusCode, StatusCode> {
    loads.find(&prefix)?.stop();
    Ok(StatusCode::ACCEPTED)
}

async fn ledger(State(loads): State<Arc<Loads>>, Path(prefix): Path<String>) -> Result<Response, StatusCode> {
    let ledger = loads.find(&prefix)?.ledger().ok_or(StatusCode::CONFLICT)?;
    Ok(Json(ledger.as_ref()).into_response())
}
