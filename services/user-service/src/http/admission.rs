//! Admits as many requests as the service can work on, and ends those that take longer than their deadline.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use tokio::sync::Semaphore;

use super::{body, problem::Problem, request::record_route};
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

/// While there is no permit: 503 at once, before an octet of the body is read. A queue here would only delay every request.
///
/// A permit is taken only once the body is there: clients that send slowly, however many, take none from the others.
pub(crate) async fn admit(State(admission): State<Admission>, request: Request, next: Next) -> Response {
    record_route(&request);
    let response = async {
        if admission.permits.available_permits() == 0 {
            return None;
        }
        let request = body::read_ahead(request).await;
        let _permit = admission.permits.try_acquire().ok()?;
        Some(next.run(request).await)
    };
    let response = tokio::time::timeout(admission.deadline, response).await;
    match response {
        Ok(Some(response)) => response,
        Ok(None) => {
            admission.metrics.shed("in_flight");
            Problem::overloaded().into_response()
        }
        Err(_) => {
            admission.metrics.shed("deadline");
            Problem::unavailable().into_response()
        }
    }
}
