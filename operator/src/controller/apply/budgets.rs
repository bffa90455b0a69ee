//! Disruption budgets of the services while a server that they need is away.
//!
//! A new pod of a service becomes ready only once it has reached its servers. While a server waits for its node, which has its
//! local volume and is being drained, no pod that the drain has evicted is replaced by a ready one. A budget would then hold up
//! the drain until the server is back, which waits for the end of the drain. Sign-in does not work meanwhile, so that the
//! budget would protect nothing.

use k8s_openapi::{
    api::{apps::v1::StatefulSet, policy::v1::PodDisruptionBudget},
    apimachinery::pkg::util::intstr::IntOrString,
};
use kube::ResourceExt as _;

use crate::names::{Part, StackId};

/// Lets every pod of the services be evicted while one of `servers` cannot be used.
pub(super) fn loosen<'a>(
    budgets: &mut [PodDisruptionBudget],
    id: &StackId,
    servers: impl IntoIterator<Item = &'a StatefulSet>,
) {
    if !servers.into_iter().any(is_away) {
        return;
    }
    let services = [Part::UserService, Part::MailService].map(|part| id.part(part));
    for budget in budgets.iter_mut().filter(|budget| services.contains(&budget.name_any())) {
        if let Some(spec) = &mut budget.spec {
            spec.max_unavailable = Some(IntOrString::String("100%".to_owned()));
        }
    }
}

/// Whether no majority of its pods is ready: of a single one that one, of three brokers two.
fn is_away(set: &StatefulSet) -> bool {
    let desired = set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    let ready = set.status.as_ref().and_then(|status| status.ready_replicas).unwrap_or(0);
    ready * 2 <= desired
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::{apps::v1::StatefulSet, policy::v1::PodDisruptionBudget};
    use serde_json::{from_value, json, to_value};

    use super::loosen;
    use crate::fixtures::stack_id;

    fn server(replicas: i32, ready: i32) -> StatefulSet {
        from_value(json!({
            "spec": { "replicas": replicas, "selector": {}, "template": {}, "serviceName": "x" },
            "status": { "replicas": replicas, "readyReplicas": ready },
        }))
        .unwrap()
    }

    /// What may be unavailable of brokers, user-service and mail-service while the servers are like this.
    fn budgets(servers: &[StatefulSet]) -> [String; 3] {
        let budget = |part: &str| {
            let budget = json!({
                "metadata": { "name": format!("demo-{part}") },
                "spec": { "maxUnavailable": 1 },
            });
            from_value::<PodDisruptionBudget>(budget).unwrap()
        };
        let mut budgets = ["rabbitmq", "user-service", "mail-service"].map(budget);
        loosen(&mut budgets, &stack_id(), servers);
        budgets.map(|budget| to_value(budget.spec.unwrap().max_unavailable).unwrap().to_string())
    }

    #[test]
    fn while_the_servers_are_there_one_pod_at_a_time_may_be_evicted() {
        for servers in [vec![], vec![server(1, 1), server(1, 1)], vec![server(1, 1), server(3, 2)]] {
            assert_eq!(budgets(&servers), ["1", "1", "1"]);
        }
    }

    #[test]
    fn while_a_server_is_away_the_budgets_of_the_services_hold_up_no_drain() {
        let loose = r#""100%""#;
        for servers in
            [[server(1, 0), server(1, 1)], [server(1, 1), server(1, 0)], [server(1, 1), server(3, 1)]]
        {
            assert_eq!(budgets(&servers), ["1", loose, loose], "those of the brokers stay");
        }
    }
}
