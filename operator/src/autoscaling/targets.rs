//! Which queues are polled: one per stack, on every replica, from a watch of the stacks.

use std::{collections::BTreeMap, sync::Arc};

use external_metrics::Demand;
use futures::{FutureExt as _, StreamExt as _};
use kube::{
    Api,
    runtime::{
        WatchStreamExt as _,
        reflector::{self, Store},
        watcher,
    },
};
use pingstack_crd::{PingStack, services::AutoscalingProvider};
use service_kit::{shutdown::Shutdown, telemetry::chain};
use tokio::sync::watch;

use super::{
    backlog_reader::{BacklogReader, Broker, Clients, Target},
    poller::{BacklogSource, Sources},
    sample::StackKey,
};
use crate::{names::StackId, watches::StoredStack};

/// Follows the stacks of all scopes, each a namespace or `None` for all, until the soft phase.
pub async fn follow(clients: Clients, scopes: Vec<Option<String>>, targets: Targets, shutdown: Shutdown) {
    let mut followed = Vec::new();
    let mut watches = Vec::new();
    for (index, scope) in scopes.into_iter().enumerate() {
        let (store, writer) = reflector::store::<StoredStack>();
        let api: Api<StoredStack> = match scope {
            Some(namespace) => Api::namespaced(clients.kubernetes.clone(), &namespace),
            None => Api::all(clients.kubernetes.clone()),
        };
        let events = watcher(api, watcher::Config::default()).default_backoff().reflect(writer);
        watches.push(events.map(move |event| (index, event)).boxed());
        followed.push(Scope { store, failure: None });
    }
    let events = futures::stream::select_all(watches).take_until(shutdown.soft().cancelled());
    let mut events = std::pin::pin!(events);
    while let Some((index, event)) = events.next().await {
        if let Err(error) = &event {
            tracing::warn!(error = chain(error), "the watch of stacks failed, starting it again");
        }
        if let Some(scope) = followed.get_mut(index) {
            scope.failure = event.err();
        }
        if is_complete(&followed) {
            targets.set(&clients, &stacks(&followed));
        }
    }
}

/// The stacks of one scope.
struct Scope {
    store: Store<StoredStack>,
    /// Why its watch cannot be read; `None` while it can, or has not been tried.
    failure: Option<watcher::Error>,
}

impl Scope {
    /// Whether its stacks have been listed once.
    fn is_listed(&self) -> bool {
        self.store.wait_until_ready().now_or_never().is_some_and(|ready| ready.is_ok())
    }
}

/// Whether all is known that can be. Part of a list must not look like all of it, or stacks would be forgotten; but a
/// namespace that is gone, and with it the right to read it, must not keep the others waiting.
fn is_complete(scopes: &[Scope]) -> bool {
    let any_listed = scopes.iter().any(Scope::is_listed);
    let is_settled = |scope: &Scope| match &scope.failure {
        _ if scope.is_listed() => true,
        Some(failure) => any_listed || is_refusal(failure),
        None => false,
    };
    scopes.iter().all(is_settled)
}

/// Whether the API server answered that the operator may not, or that there is no such thing.
fn is_refusal(error: &watcher::Error) -> bool {
    let code = match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchError(status) => status.code,
        _ => return false,
    };
    matches!(code, 403 | 404)
}

/// Stacks that an older schema let through and that cannot be read are polled by nobody.
fn stacks(scopes: &[Scope]) -> Vec<PingStack> {
    let all = scopes.iter().flat_map(|scope| scope.store.state());
    all.filter_map(|stack| stack.0.as_ref().ok().cloned()).collect()
}

/// Where the outcome goes.
#[derive(Clone)]
pub struct Targets {
    /// What the poller reads.
    pub sources: watch::Sender<Sources>,
    /// Whether any stack follows its queue through what we serve.
    pub demand: watch::Sender<Demand>,
    known: Arc<std::sync::Mutex<BTreeMap<StackKey, Known>>>,
}

/// What a source was made from: an unchanged stack keeps its source, and with it its connection.
#[derive(Clone)]
struct Known {
    target: Target,
    source: Arc<dyn BacklogSource>,
}

impl Targets {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(sources: watch::Sender<Sources>, demand: watch::Sender<Demand>) -> Self {
        Self { sources, demand, known: Arc::default() }
    }

    fn set(&self, clients: &Clients, stacks: &[PingStack]) {
        let needed =
            stacks.iter().any(|stack| is_followed(stack) && stack.metadata.deletion_timestamp.is_none());
        let demand = if needed { Demand::Needed } else { Demand::Unneeded };
        self.demand.send_if_modified(|old| std::mem::replace(old, demand) != demand);
        let mut known = self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut next = BTreeMap::new();
        let mut changed = false;
        for target in stacks.iter().filter_map(target) {
            let key = StackKey::new(&target.id.namespace, &target.id.name);
            let same = |known: &&Known| known.target == target;
            let kept = known.get(&key).filter(same).cloned();
            changed |= kept.is_none();
            let make = || {
                let source = Arc::new(BacklogReader::new(clients.clone(), target.clone()));
                Known { target: target.clone(), source }
            };
            next.insert(key, kept.unwrap_or_else(make));
        }
        changed |= next.len() != known.len();
        *known = next;
        let sources = || known.iter().map(|(key, known)| (key.clone(), Arc::clone(&known.source))).collect();
        self.sources.send_if_modified(|old| {
            let changed = changed || old.is_none();
            if changed {
                *old = Some(sources());
            }
            changed
        });
    }
}

fn is_followed(stack: &PingStack) -> bool {
    matches!(
        stack.spec.mail_service.autoscaling.provider,
        AutoscalingProvider::Embedded | AutoscalingProvider::Auto
    )
}

fn target(stack: &PingStack) -> Option<Target> {
    let broker = match (&stack.spec.rabbitmq.managed, &stack.spec.rabbitmq.external) {
        (Some(managed), None) => Broker::Managed { replicas: managed.replicas },
        (None, Some(external)) => Broker::External(Box::new(external.clone())),
        _ => return None,
    };
    Some(Target { id: StackId::of(&stack.metadata)?, broker, followed: is_followed(stack) })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{Method, StatusCode};
    use service_kit::shutdown::Shutdown;
    use test_kit::fake_api::FakeApi;
    use tokio::{sync::watch, time::timeout};

    use super::{Clients, Demand, Targets, follow};
    use crate::{
        broker_connections::BrokerConnections,
        fixtures::{self, MINIMAL},
    };

    const STACKS: &str = "/apis/pingstack.dev/v1beta1/namespaces";

    /// How many queues are polled once all is known; `None` if that never is.
    async fn polled(api: &FakeApi, scopes: &[&str]) -> Option<usize> {
        let clients = Clients { kubernetes: api.client(), brokers: BrokerConnections::default() };
        let (sources, mut polled) = watch::channel(None);
        let (demand, _demand) = watch::channel(Demand::Unknown);
        let scopes = scopes.iter().map(|scope| Some((*scope).to_owned())).collect();
        let shutdown = Shutdown::new();
        let follow = follow(clients, scopes, Targets::new(sources, demand), shutdown.clone());
        let known = async {
            let known = timeout(Duration::from_secs(20), polled.wait_for(Option::is_some)).await;
            known
                .ok()
                .and_then(Result::ok)
                .and_then(|sources| sources.as_ref().map(std::collections::BTreeMap::len))
        };
        tokio::select! { () = follow => None, known = known => known }
    }

    fn with_a_stack() -> FakeApi {
        let api = FakeApi::default();
        let mut stack = serde_json::to_value(fixtures::stack(MINIMAL)).unwrap();
        stack["apiVersion"] = "pingstack.dev/v1beta1".into();
        stack["kind"] = "PingStack".into();
        api.put(&format!("{STACKS}/team/pingstacks/demo"), stack);
        api
    }

    #[tokio::test(start_paused = true)]
    async fn a_watched_namespace_that_is_gone_does_not_keep_the_others_from_being_polled() {
        let api = with_a_stack();
        assert_eq!(polled(&api, &["team", "shop"]).await, Some(1));
        api.fail(Method::GET, "/namespaces/gone/", StatusCode::FORBIDDEN);
        assert_eq!(polled(&api, &["gone", "team"]).await, Some(1));
        assert_eq!(polled(&api, &["gone"]).await, Some(0));
        api.fail(Method::GET, "/namespaces/broken/", StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(polled(&api, &["broken", "team", "gone"]).await, Some(1));
    }

    #[tokio::test(start_paused = true)]
    async fn an_api_server_that_fails_is_not_taken_for_one_without_stacks() {
        let api = with_a_stack();
        api.fail(Method::GET, "/pingstacks", StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(polled(&api, &["team", "shop"]).await, None);
    }
}
