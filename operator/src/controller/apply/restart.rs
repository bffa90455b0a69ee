//! Brokers with a new cookie.

use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api,
    api::{DeleteParams, ListParams},
};

use super::Error;
use crate::{
    controller::Context,
    names::{PART_LABEL, Part, STACK_LABEL, StackId},
};

/// Starts all brokers of a stack again, together: rolled one by one, a node with the new cookie waits for nodes that
/// still have the old one.
pub(super) async fn brokers(context: &Context, id: &StackId) -> Result<(), Error> {
    let selector = format!("{STACK_LABEL}={},{PART_LABEL}={}", id.name, Part::RabbitMq.name());
    let api = Api::<Pod>::namespaced(context.client.clone(), &id.namespace);
    let deleted =
        api.delete_collection(&DeleteParams::default(), &ListParams::default().labels(&selector)).await;
    let failed = |source| Error::Delete { kind: "Pod", name: id.part(Part::RabbitMq), source };
    deleted.map(|_| ()).map_err(failed)
}
