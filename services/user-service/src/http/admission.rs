//! Admits as many requests as the service can work on, and ends those that take longer than their deadline.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use tokio::sync::Semaphore;

use super::problem::Problem;
use crate::metrics::ServiceMetrics;

/// Permits and deadline. Clones share the permits.
#[derive(Debug, Clone)]
pub struct Admission {
    permits: Arc<Semaphore>,
    deadline: Duration,
    metrics: ServiceMetrics,
}

impl Admission {
    /// At most `max_in_flight` requests at once, each at most as long as `deadline`.
    #[must_use]
    pub fn new(max_in_flight: usize, deadline: Duration, metrics: ServiceMetrics) -> Self {
        Self { permits: Arc::new(Semaphore::new(max_in_flight)), deadline, metrics }
    }
}

/// Without a permit: 503 at once, before a byte of the body is read. A queue here would only delay every request.
pub(crate) async fn admit(State(admission): State<Admission>, request: Request, next: Next) -> Response {
    let Ok(_permit) = admission.permits.try_acquire() else {
        admission.metrics.shed("in_flight");
        return Problem::overloaded().into_response();
    };
    if let Ok(response) = tokio::time::timeout(admission.deadline, next.run(request)).await {
        return response;
    }
    admission.metrics.shed("deadline");
    Problem::unavailable().into_response()
}
