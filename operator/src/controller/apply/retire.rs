//! The end of a rotation: the users of the generation before are deleted once nobody can need them.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::Deployment;
use service_kit::telemetry::chain;

use super::{Error, orphans::delete_object};
use crate::{
    controller::{
        Context,
        brokers::members::Brokers,
        build::BrokerTopology,
        secrets::BrokerUsers,
        topology::{self, TopologyState},
        workload::Workload,
    },
    names::StackId,
};

/// Deletes them when both services have rolled and no connection of theirs is left.
pub(super) async fn old_broker_users(
    context: &Context,
    id: &StackId,
    retiring: &Retiring<'_>,
) -> Result<(), Error> {
    let Some(users) = retiring.users else { return Ok(()) };
    let unused = matches!(retiring.state, TopologyState::Applied(queues) if !queues.retiring_connected);
    let rolled = retiring.deployments.iter().all(|deployment| Workload::from(&**deployment).is_complete());
    if !unused || !rolled || retiring.deployments.len() < 2 {
        return Ok(());
    }
    if let Err(error) = topology::delete_users(context, retiring.topology, retiring.brokers).await {
        tracing::warn!(error = %chain(&error), "old broker users could not be deleted, trying again later");
        return Ok(());
    }
    // Its users are gone; without the Secret the next pass no longer wants them.
    delete_object(context, id, &*users.secret).await
}

/// What decides about the generation before.
pub(super) struct Retiring<'a> {
    /// It, if there is one.
    pub users: Option<&'a BrokerUsers>,
    /// What was to be on the broker.
    pub topology: &'a BrokerTopology,
    pub brokers: &'a Brokers,
    pub state: &'a TopologyState,
    /// Both services.
    pub deployments: &'a [Arc<Deployment>],
}
