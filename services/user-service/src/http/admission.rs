//! Lets in as many requests as can be answered, and lets none take longer than its deadline.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use tokio::sync::Semaphore;

use super::problem::Problem;
use crate::endpoints::App;

/// Places and deadline. Clones share the places.
#[derive(Debug, Clone)]
pub struct Admission {
    places: Arc<Semaphore>,
    deadline: Duration,
}

impl Admission {
    /// So many requests at once, each at most this long.
    #[must_use]
    pub fn new(max_in_flight: usize, deadline: Duration) -> Self {
        Self { places: Arc::new(Semaphore::new(max_in_flight)), deadline }
    }
}

/// Beyond the places: 503 at once, before a byte of the body is read. A queue here would only make everybody late.
pub(crate) async fn admit(
    State((app, admission)): State<(Arc<App>, Admission)>,
    request: Request,
    next: Next,
) -> Response {
    let Ok(_place) = admission.places.try_acquire() else {
        app.parts.metrics.shed("in_flight");
        return Problem::overloaded().into_response();
    };
    if let Ok(response) = tokio::time::timeout(admission.deadline, next.run(request)).await {
        return response;
    }
    app.parts.metrics.shed("deadline");
    Problem::unavailable().into_response()
}
