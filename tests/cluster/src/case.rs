//! One case: its namespace, its turn at the operator, its end; and what it does to its objects, its pods and the nodes.

mod description;
mod events;
pub mod metrics_api;
pub mod node;
mod objects;
pub mod pods;
mod programs;

use std::{
    any::type_name,
    panic::{AssertUnwindSafe, resume_unwind},
    time::{Duration, Instant},
};

use futures::FutureExt as _;
use kube::{Api, Client, core::NamespaceResourceScope};

use crate::{
    cluster::{
        Cluster, Operator,
        namespace::{self, PodSecurity},
        operator::{self, Turn},
        tell,
    },
    settings,
};

/// A running case.
pub struct Case {
    /// The name of its function.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The cluster in use.
    pub cluster: Cluster,
}

impl Case {
    /// Runs a case that shares the operator with others.
    pub async fn run<F: AsyncFnOnce(&Self)>(body: F) {
        let turn = operator::shared_turn().await;
        Self::in_turn(body, turn).await;
    }

    /// Runs a case that has the cluster to itself. It may stop the operator or install it differently: the next case gets the usual one.
    pub async fn alone<F: AsyncFnOnce(&Self)>(body: F) {
        let turn = operator::exclusive_turn().await;
        Self::in_turn(body, turn).await;
    }

    /// Runs a case that has the cluster to itself and needs neither operator nor neighbours: what the cluster can do, and how
    /// the operator is installed.
    pub async fn without_operator<F: AsyncFnOnce(&Self)>(body: F) {
        let turn = operator::exclusive_turn().await;
        let case = Self::named::<F>().await;
        let ended = case.end(case.perform(body)).await;
        drop(turn);
        ended.report(&case);
    }

    async fn in_turn<F: AsyncFnOnce(&Self)>(body: F, turn: Turn) {
        let case = Self::named::<F>().await;
        operator::install_once(&case.cluster).await;
        let ended = case.end(case.perform_beside_neighbours(body)).await;
        // Whatever the case did to the operator, and wherever it stopped.
        if let Turn::Exclusive(_) = &turn {
            case.operator().install(&[]).await;
        }
        drop(turn);
        ended.report(&case);
    }

    async fn named<F>() -> Self {
        let name = name_in(type_name::<F>()).to_owned();
        Self { namespace: namespace::name_of(&name), name, cluster: Cluster::connect().await }
    }

    /// Performs the case to its end, describes it if it failed, and removes its namespaces.
    async fn end(&self, performance: impl Future<Output = ()>) -> Ended {
        let began = Instant::now();
        tell(&format!("{} begins", self.name));
        let result = AssertUnwindSafe(performance).catch_unwind().await;
        let seconds = began.elapsed().as_secs();
        if result.is_err() {
            eprintln!("{}", description::of(self).await);
        }
        if result.is_ok() || !settings::keeps_failed() {
            self.remove().await;
        }
        Ended { result, seconds }
    }

    async fn perform_beside_neighbours<F: AsyncFnOnce(&Self)>(&self, body: F) {
        self.perform(async |case: &Self| {
            case.start_neighbours().await;
            body(case).await;
        })
        .await;
    }

    async fn perform<F: AsyncFnOnce(&Self)>(&self, body: F) {
        namespace::create(self.kube(), &self.namespace, &self.namespace, PodSecurity::Restricted).await;
        body(self).await;
    }

    /// A second namespace of this case, deleted with the first; its name is the first one's with `-<suffix>`.
    pub async fn create_namespace(&self, suffix: &str, security: PodSecurity) -> String {
        let name = format!("{}-{suffix}", self.namespace);
        namespace::create(self.kube(), &name, &self.namespace, security).await;
        name
    }

    /// The same case in a second namespace, with neighbours of its own.
    pub async fn beside(&self, suffix: &str) -> Self {
        let namespace = self.create_namespace(suffix, PodSecurity::Restricted).await;
        let second = Self { name: self.name.clone(), namespace, cluster: self.cluster.clone() };
        second.start_neighbours().await;
        second
    }

    /// Deletes a namespace of this case, and waits until it is gone.
    pub async fn delete_namespace(&self, name: &str, deadline: Duration) {
        namespace::delete(self.kube(), name).await;
        namespace::wait_gone(self.kube(), name, deadline).await;
    }

    /// Runs `body`, and then `clean_up` even if `body` panicked: for objects outside namespaces, which would affect other cases.
    pub async fn with_cleanup(&self, body: impl Future<Output = ()>, clean_up: impl Future<Output = ()>) {
        let result = AssertUnwindSafe(body).catch_unwind().await;
        clean_up.await;
        if let Err(panic) = result {
            resume_unwind(panic);
        }
    }

    /// Deleted, not waited for: the next case need not wait, and the end of the run does.
    async fn remove(&self) {
        for name in description::namespaces_of(self).await {
            namespace::delete(self.kube(), &name).await;
        }
    }

    /// The operator. Only a case that runs [`alone`](Case::alone) may change it.
    #[must_use]
    pub fn operator(&self) -> Operator<'_> {
        Operator { cluster: &self.cluster }
    }

    /// The client of the API server.
    #[must_use]
    pub fn kube(&self) -> &Client {
        &self.cluster.client
    }

    /// Objects of a kind in the case's namespace.
    #[must_use]
    pub fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.kube().clone(), &self.namespace)
    }

    /// Lets time pass in which something is away or cut off.
    pub async fn outage(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    /// A line for whoever watches the run.
    pub fn step(&self, text: &str) {
        tell(&format!("{}: {text}", self.name));
    }
}

/// How a case ended.
struct Ended {
    result: std::thread::Result<()>,
    seconds: u64,
}

impl Ended {
    fn report(self, case: &Case) {
        let outcome = if self.result.is_ok() { "passed" } else { "FAILED" };
        tell(&format!("{} {outcome} after {} s", case.name, self.seconds));
        if let Err(panic) = self.result {
            resume_unwind(panic);
        }
    }
}

/// The function that a closure stands in: `cases::redis_restarts::a_case::{{closure}}::{{closure}}`.
fn name_in(closure: &str) -> &str {
    let function = closure.split("::{{closure}}").next().unwrap_or(closure);
    function.rsplit("::").next().unwrap_or(function)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_has_the_name_of_its_function() {
        fn name_of<F: AsyncFnOnce(&Case)>(_: F) -> &'static str {
            name_in(type_name::<F>())
        }
        assert_eq!(name_of(async |_: &Case| {}), "a_case_has_the_name_of_its_function");
        assert_eq!(name_in("cases::nodes::a_drain::{{closure}}::{{closure}}"), "a_drain");
    }
}
