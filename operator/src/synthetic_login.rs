//! Signs in at stacks that ask for it (`spec.monitoring.syntheticLogin`), to find out whether users can.
//!
//! The leader signs in at each stack when it is ready first, and then at its interval. It also serves the sink that the mails
//! of these sign-ins go to. A sign-in that fails is repeated once, so that a restart of the operator, whose sink is away for
//! a moment, is not taken for a fault of the stack. A stack whose result changed is reconciled, which writes the condition
//! `SignInWorks` and `status.syntheticLogin`.
//!
//! - [`result`]: what came of a sign-in. [`metrics`]: the same as numbers.
//! - [`rounds`]: when to sign in.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use pingstack_crd::{PingStack, status::SyntheticLoginStatus};
use service_kit::shutdown::Shutdown;
use sign_in_check::{SignIn, Sink};
use tokio::{net::TcpListener, sync::watch};

use crate::{
    conditions::{ConditionType, Finding},
    names::{Part, SIGN_IN_ANNOTATION, StackId},
};

pub mod metrics;
pub mod result;
mod rounds;

pub use metrics::SignInMetrics;
use result::SignInResult;

/// Called with a stack whose result changed.
pub type Touch = Arc<dyn Fn(&StackId) + Send + Sync>;

/// The sign-ins at all stacks. Clones share them.
#[derive(Clone)]
pub struct SyntheticLogins {
    sign_in: Option<SignIn>,
    sink: Sink,
    stacks: Arc<Mutex<HashMap<String, Stack>>>,
    metrics: SignInMetrics,
    shutdown: Shutdown,
}

/// One stack, by its uid.
struct Stack {
    id: StackId,
    /// Ends the rounds when it is dropped.
    wish: watch::Sender<Wish>,
    result: Option<SignInResult>,
}

/// What a stack wants.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wish {
    interval: Duration,
    /// The value of [`SIGN_IN_ANNOTATION`]: another value asks for a sign-in at once.
    request: Option<String>,
    /// Whether the stack is ready.
    is_ready: bool,
}

impl SyntheticLogins {
    /// Signs in nowhere yet.
    #[must_use]
    pub fn new(metrics: SignInMetrics, shutdown: Shutdown) -> Self {
        let sink = Sink::default();
        let sign_in = SignIn::new(sink.clone());
        if let Err(error) = &sign_in {
            tracing::error!(%error, "no HTTP client, so no synthetic sign-in is tried");
        }
        Self { sign_in: sign_in.ok(), sink, stacks: Arc::default(), metrics, shutdown }
    }

    /// Takes the mails of the sign-ins. Only the leader listens: a Service without a cluster IP names all replicas, and
    /// mail-service goes on to the next one where nothing listens.
    pub async fn serve_sink(&self, address: std::net::SocketAddr) {
        match TcpListener::bind(address).await {
            Ok(listener) => self.sink.clone().serve(listener, self.shutdown.clone()).await,
            Err(error) => {
                tracing::error!(
                    %address, %error,
                    "the sink of synthetic sign-ins cannot listen, so these will fail: set SIGN_IN_SINK_PORT to a free port"
                );
            }
        }
    }

    /// Signs in regularly at a stack that wants it, and never again at one that does not.
    pub fn follow(&self, id: &StackId, stack: &PingStack, is_ready: bool, touch: &Touch) {
        let Some(spec) = &stack.spec.monitoring.synthetic_login else { return self.forget(&id.uid) };
        let Some(sign_in) = &self.sign_in else { return };
        let request =
            stack.metadata.annotations.as_ref().and_then(|all| all.get(SIGN_IN_ANNOTATION)).cloned();
        let wish = Wish { interval: spec.interval(), request, is_ready };
        let mut stacks = self.stacks();
        if let Some(known) = stacks.get(&id.uid) {
            known.wish.send_if_modified(|old| {
                let differs = *old != wish;
                *old = wish;
                differs
            });
            return;
        }
        let served =
            stack.status.as_ref().and_then(|status| status.synthetic_login.as_ref()?.request.clone());
        let (sender, wishes) = watch::channel(wish);
        stacks.insert(id.uid.clone(), Stack { id: id.clone(), wish: sender, result: None });
        drop(stacks);
        let rounds = rounds::Rounds {
            id: id.clone(),
            url: url(id),
            sign_in: sign_in.clone(),
            logins: self.clone(),
            touch: Arc::clone(touch),
        };
        self.shutdown.spawn("synthetic sign-ins at a stack", rounds.run(wishes, served));
    }

    /// Forgets a stack that is gone, or wants no sign-ins.
    pub fn forget(&self, uid: &str) {
        if let Some(stack) = self.stacks().remove(uid) {
            self.metrics.forget(&stack.id);
        }
    }

    /// Takes note of a result.
    fn record(&self, id: &StackId, result: SignInResult) {
        let mut stacks = self.stacks();
        // A sign-in that ends after the stack is gone leaves nothing.
        if let Some(stack) = stacks.get_mut(&id.uid) {
            self.metrics.record(id, &result);
            stack.result = Some(result);
        }
    }

    /// The condition; `None` where it stays as it is, or the stack wants none.
    #[must_use]
    pub fn finding(&self, id: &StackId, stack: &PingStack, past: Option<&Condition>) -> Option<Finding> {
        stack.spec.monitoring.synthetic_login.as_ref()?;
        match self.stacks().get(&id.uid).and_then(|stack| stack.result.as_ref()) {
            Some(result) => Some(result.finding()),
            None if past.is_some() => None,
            None => Some(not_tried()),
        }
    }

    /// What the status says of the last sign-in; what it said before where this replica has not signed in yet.
    #[must_use]
    pub fn status(&self, id: &StackId, stack: &PingStack) -> Option<SyntheticLoginStatus> {
        stack.spec.monitoring.synthetic_login.as_ref()?;
        let before = || stack.status.as_ref()?.synthetic_login.clone();
        let stacks = self.stacks();
        let result = stacks.get(&id.uid).and_then(|stack| stack.result.as_ref());
        result.map(SignInResult::status).or_else(before)
    }

    fn stacks(&self) -> MutexGuard<'_, HashMap<String, Stack>> {
        self.stacks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn not_tried() -> Finding {
    Finding::unknown(
        ConditionType::SignInWorks,
        "NotTried",
        "the operator signs in for the first time when the stack is ready",
    )
}

/// The condition of each result, and before the first.
#[cfg(test)]
pub(crate) fn examples() -> Vec<Finding> {
    std::iter::once(not_tried()).chain(result::examples().iter().map(SignInResult::finding)).collect()
}

/// user-service, by its Service, as the stack's other clients in the cluster reach it.
fn url(id: &StackId) -> String {
    format!("http://{}.{}.svc", id.part(Part::UserService), id.namespace)
}

#[cfg(test)]
mod tests;
