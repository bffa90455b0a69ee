//! Whether a caller may: the API server decides, by a `SubjectAccessReview`, and its word counts for 10 s.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use kube::{Api, Client, api::PostParams};
use service_kit::telemetry::chain;

use super::authentication::Caller;
use crate::refusal::Refusal;

/// How long a decision counts.
const TTL: Duration = Duration::from_secs(10);

/// How many decisions are kept; more than that within 10 s are forgotten all at once.
const MOST: usize = 4096;

/// How long the API server may take: the aggregator gives up after 6 s.
const DEADLINE: Duration = Duration::from_secs(4);

/// Who decides.
pub trait Reviewer: Send + Sync {
    /// Whether the API server allows what `spec` says.
    fn review(&self, spec: SubjectAccessReviewSpec) -> BoxFuture<'_, Result<bool, kube::Error>>;
}

impl Reviewer for Client {
    fn review(&self, spec: SubjectAccessReviewSpec) -> BoxFuture<'_, Result<bool, kube::Error>> {
        Box::pin(async move {
            let review = SubjectAccessReview { spec, ..SubjectAccessReview::default() };
            let decided = Api::all(self.clone()).create(&PostParams::default(), &review).await?;
            Ok(decided.status.is_some_and(|status| status.allowed && status.denied != Some(true)))
        })
    }
}

/// Asks a [`Reviewer`], and remembers. Clones share the memory.
#[derive(Clone)]
pub struct Authorizer {
    reviewer: Arc<dyn Reviewer>,
    decided: Arc<Mutex<HashMap<String, (Instant, bool)>>>,
}

impl Authorizer {
    /// Nothing is decided yet.
    #[must_use]
    pub fn new(reviewer: Arc<dyn Reviewer>) -> Self {
        Self { reviewer, decided: Arc::default() }
    }

    /// Refuses what the caller may not do. What nobody could decide is refused too.
    pub async fn check(&self, caller: &Caller, attributes: ResourceAttributes) -> Result<(), Refusal> {
        let spec = review_of(caller, attributes);
        let unknown = || Refusal::unavailable("the API server could not be asked whether this is allowed");
        // The whole question is the key: nothing of it may be left out.
        let key = serde_json::to_string(&spec).map_err(|_| unknown())?;
        let allowed = if let Some(allowed) = self.remembered(&key, Instant::now()) {
            allowed
        } else {
            let allowed = self.ask(spec).await.ok_or_else(unknown)?;
            self.remember(key, allowed, Instant::now());
            allowed
        };
        if allowed {
            Ok(())
        } else {
            Err(Refusal::forbidden("the API server does not allow this user to read this"))
        }
    }

    async fn ask(&self, spec: SubjectAccessReviewSpec) -> Option<bool> {
        match tokio::time::timeout(DEADLINE, self.reviewer.review(spec)).await {
            Ok(Ok(allowed)) => Some(allowed),
            Ok(Err(error)) => {
                tracing::warn!(error = chain(&error), "the API server could not be asked for a decision");
                None
            }
            Err(_) => {
                tracing::warn!("the API server did not decide within 4 s");
                None
            }
        }
    }

    fn remembered(&self, key: &str, now: Instant) -> Option<bool> {
        let decided = self.decided.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, allowed) = decided.get(key)?;
        (now.saturating_duration_since(*at) < TTL).then_some(*allowed)
    }

    fn remember(&self, key: String, allowed: bool, now: Instant) {
        let mut decided = self.decided.lock().unwrap_or_else(PoisonError::into_inner);
        decided.retain(|_, (at, _)| now.saturating_duration_since(*at) < TTL);
        if decided.len() >= MOST {
            decided.clear();
        }
        decided.insert(key, (now, allowed));
    }
}

fn review_of(caller: &Caller, attributes: ResourceAttributes) -> SubjectAccessReviewSpec {
    SubjectAccessReviewSpec {
        user: Some(caller.user.clone()),
        uid: caller.uid.clone(),
        groups: Some(caller.groups.clone()),
        extra: Some(caller.extra.clone()),
        resource_attributes: Some(attributes),
        non_resource_attributes: None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use futures::future::BoxFuture;
    use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReviewSpec};

    use super::{Authorizer, Reviewer, TTL};
    use crate::access::authentication::Caller;

    /// Allows `jane` alone, and counts; `None` for a server that is away.
    #[derive(Default)]
    struct Counting {
        asked: AtomicUsize,
        away: bool,
    }

    impl Reviewer for Counting {
        fn review(&self, spec: SubjectAccessReviewSpec) -> BoxFuture<'_, Result<bool, kube::Error>> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            let allowed = spec.user.as_deref() == Some("jane");
            let answer =
                if self.away { Err(kube::Error::LinesCodecMaxLineLengthExceeded) } else { Ok(allowed) };
            Box::pin(async move { answer })
        }
    }

    fn caller(user: &str, groups: &[&str]) -> Caller {
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        Caller { user: user.to_owned(), uid: None, groups, extra: [].into() }
    }

    fn attributes(namespace: &str) -> ResourceAttributes {
        ResourceAttributes { namespace: Some(namespace.to_owned()), ..ResourceAttributes::default() }
    }

    #[tokio::test]
    async fn a_decision_is_asked_for_once_and_holds_for_the_same_question_only() {
        let reviewer = Arc::new(Counting::default());
        let authorizer = Authorizer::new(reviewer.clone());
        let asked = || reviewer.asked.load(Ordering::Relaxed);
        for _ in 0..3 {
            authorizer.check(&caller("jane", &[]), attributes("shop")).await.unwrap();
            assert_eq!(
                authorizer.check(&caller("joe", &[]), attributes("shop")).await.unwrap_err().code,
                403
            );
        }
        assert_eq!(asked(), 2);
        authorizer.check(&caller("jane", &["a"]), attributes("shop")).await.unwrap();
        authorizer.check(&caller("jane", &[]), attributes("back")).await.unwrap();
        assert_eq!(asked(), 4);
    }

    #[tokio::test]
    async fn a_decision_is_forgotten_after_10_seconds() {
        let authorizer = Authorizer::new(Arc::new(Counting::default()));
        let now = std::time::Instant::now();
        authorizer.remember("question".to_owned(), true, now);
        assert_eq!(authorizer.remembered("question", now), Some(true));
        assert_eq!(authorizer.remembered("question", now + TTL), None);
    }

    #[tokio::test]
    async fn what_nobody_can_decide_is_503_and_asked_again() {
        let reviewer = Arc::new(Counting { away: true, ..Counting::default() });
        let authorizer = Authorizer::new(reviewer.clone());
        for _ in 0..2 {
            assert_eq!(
                authorizer.check(&caller("jane", &[]), attributes("shop")).await.unwrap_err().code,
                503
            );
        }
        assert_eq!(reviewer.asked.load(Ordering::Relaxed), 2);
    }
}
