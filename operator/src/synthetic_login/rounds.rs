//! When the operator signs in at one stack.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use service_kit::backoff::pause;
use sign_in_check::SignIn;
use tokio::{sync::watch, time::Instant};

use super::{SyntheticLogins, Touch, Wish, result::SignInResult};
use crate::{names::StackId, requeue::about};

/// From the moment when a stack is ready to the first sign-in: its network policies and endpoints reach every node first.
const FIRST: Duration = Duration::from_secs(10);

/// Between a sign-in that failed and the second try.
const AGAIN: Duration = Duration::from_secs(15);

/// The sign-ins at one stack.
pub(super) struct Rounds {
    pub(super) id: StackId,
    pub(super) url: String,
    pub(super) sign_in: SignIn,
    pub(super) logins: SyntheticLogins,
    pub(super) touch: Touch,
}

impl Rounds {
    /// Signs in until the stack is forgotten or the soft phase begins. `served` is the request that was served last.
    pub(super) async fn run(self, mut wishes: watch::Receiver<Wish>, mut served: Option<String>) {
        let mut was_ready = false;
        let mut due = Instant::now() + FIRST;
        loop {
            let wish = wishes.borrow_and_update().clone();
            if wish.is_ready && !was_ready {
                was_ready = true;
                due = due.max(Instant::now() + FIRST);
            }
            let is_asked = wish.request.is_some() && wish.request != served;
            let wait = match (is_asked, was_ready) {
                (true, _) => Duration::ZERO,
                (false, true) => due.saturating_duration_since(Instant::now()).min(wish.interval),
                // Before a stack was ready, a failure would say nothing new.
                (false, false) => Duration::MAX,
            };
            tokio::select! {
                biased;
                changed = wishes.changed() => if changed.is_err() { return } else { continue },
                waited = pause(wait, &self.logins.shutdown) => if waited.is_err() { return },
            }
            let mut others = wishes.clone();
            let outcome = tokio::select! {
                outcome = self.twice() => outcome,
                () = gone(&mut others) => return,
                () = self.logins.shutdown.soft().cancelled() => return,
            };
            served.clone_from(&wish.request);
            due = Instant::now() + about(wish.interval);
            let result = SignInResult { at: Timestamp::now(), outcome, request: wish.request };
            self.tell(&result);
            self.logins.record(&self.id, result);
            (self.touch)(&self.id);
        }
    }

    /// A failure counts only if the second try fails too.
    async fn twice(&self) -> Result<sign_in_check::SignedIn, sign_in_check::Failure> {
        let first = self.sign_in.at(&self.url).await;
        let Err(failure) = &first else { return first };
        tracing::info!(namespace = self.id.namespace, stack = self.id.name, %failure, "a synthetic sign-in failed, trying again");
        match pause(AGAIN, &self.logins.shutdown).await {
            Ok(()) => self.sign_in.at(&self.url).await,
            Err(_) => first,
        }
    }

    fn tell(&self, result: &SignInResult) {
        let (namespace, stack, reason) = (&self.id.namespace, &self.id.name, result.reason());
        match &result.outcome {
            Ok(signed_in) => {
                let code_after = signed_in.code_after.as_secs_f64();
                tracing::debug!(namespace, stack, code_after, "a synthetic sign-in worked");
            }
            Err(failure) => {
                tracing::warn!(namespace, stack, reason, %failure, "a synthetic sign-in failed twice");
            }
        }
    }
}

/// Ends when the stack is forgotten.
async fn gone(wishes: &mut watch::Receiver<Wish>) {
    while wishes.changed().await.is_ok() {}
}
