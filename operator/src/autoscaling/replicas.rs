//! Who sets the number of mail-service pods: the operator at first, then whoever scales, without a jump in between.
//!
//! A field that leaves the applied object while we alone own it is reset to its default, 1. So before it leaves,
//! a second field manager of ours takes over the value that is there. That write is not forced: if the autoscaler
//! has just set another value it is refused, and then the field has an owner, which was all we wanted.

use k8s_openapi::{api::apps::v1::Deployment, apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry};
use kube::{
    Api, ResourceExt as _,
    api::{Patch, PatchParams},
};
use serde_json::json;

use crate::{
    crd::services::{Autoscaling, AutoscalingProvider},
    names::{MANAGER, StackId},
};

/// The field manager that holds the number of pods until somebody scales.
pub const SEED_MANAGER: &str = "ping-operator-replicas";

/// What to do about `spec.replicas`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replicas {
    /// The Deployment does not exist: make it with this number.
    Create(i32),
    /// Only we own the number: let [`SEED_MANAGER`] hold it before it leaves the applied object.
    Seed(i32),
    /// Somebody set 0, at which an autoscaler sleeps for ever: set this number.
    Wake(i32),
    /// Somebody else owns it.
    Leave,
}

/// Decides by the Deployment as it is.
#[must_use]
pub fn decide(live: Option<&Deployment>, spec: &Autoscaling) -> Replicas {
    let Some(live) = live else { return Replicas::Create(spec.min_replicas) };
    let count = live.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    if count == 0 && spec.provider != AutoscalingProvider::None {
        return Replicas::Wake(spec.min_replicas);
    }
    let fields = live.metadata.managed_fields.iter().flatten();
    let mut owners = fields.filter(|entry| owns_replicas(entry));
    let others = owners.any(|entry| entry.manager.as_deref() != Some(MANAGER));
    if others { Replicas::Leave } else { Replicas::Seed(count) }
}

/// Whether an entry of an object's managed fields is of somebody who set `spec.replicas`.
#[must_use]
pub fn owns_replicas(entry: &ManagedFieldsEntry) -> bool {
    entry.fields_v1.as_ref().is_some_and(|fields| fields.0.pointer("/f:spec/f:replicas").is_some())
}

/// Makes `desired` fit to be applied: with a number only if there is no Deployment yet. `cached` may be old, or lack;
/// its managed fields must be there.
pub async fn hand_over(
    api: &Api<Deployment>,
    (id, spec): (&StackId, &Autoscaling),
    desired: &mut Deployment,
    cached: Option<&Deployment>,
) -> Result<(), kube::Error> {
    let name = desired.name_any();
    let set = |desired: &mut Deployment, replicas| {
        if let Some(spec) = &mut desired.spec {
            spec.replicas = replicas;
        }
    };
    if cached.is_some() && decide(cached, spec) == Replicas::Leave {
        set(desired, None);
        return Ok(());
    }
    let live = api.get_opt(&name).await?;
    if live.as_ref().is_some_and(|live| !id.owns(live.metadata.owner_references.as_ref())) {
        return Ok(()); // Somebody else's: the apply leaves it alone and says so.
    }
    let (count, force) = match decide(live.as_ref(), spec) {
        Replicas::Create(count) => {
            set(desired, Some(count));
            return Ok(());
        }
        Replicas::Leave => {
            set(desired, None);
            return Ok(());
        }
        Replicas::Seed(count) => (count, false),
        Replicas::Wake(count) => (count, true),
    };
    let uid = live.and_then(|live| live.metadata.uid);
    let seed = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": name, "uid": uid },
        "spec": { "replicas": count },
    });
    let params = PatchParams { force, ..PatchParams::apply(SEED_MANAGER) };
    match api.patch(&name, &params, &Patch::Apply(&seed)).await {
        Ok(_) => set(desired, None),
        // The autoscaler was faster: the number has an owner.
        Err(kube::Error::Api(status)) if status.code == 409 => set(desired, None),
        Err(error) => return Err(error),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::apps::v1::Deployment;
    use serde_json::{Value, json};

    use super::{Replicas, SEED_MANAGER, decide};
    use crate::crd::services::{Autoscaling, AutoscalingProvider};

    fn live(replicas: i32, managers: &[&str]) -> Deployment {
        let entry = |manager: &&str| json!({ "manager": manager, "operation": "Apply", "fieldsV1": { "f:spec": { "f:replicas": {} } } });
        let mut entries = managers.iter().map(entry).collect::<Vec<Value>>();
        entries.push(json!({ "manager": "kubelet", "fieldsV1": { "f:status": { "f:replicas": {} } } }));
        let metadata = json!({ "name": "demo-mail-service", "managedFields": entries });
        let spec = json!({ "replicas": replicas, "selector": {}, "template": {} });
        serde_json::from_value(json!({ "metadata": metadata, "spec": spec })).unwrap()
    }

    fn with(provider: AutoscalingProvider) -> Autoscaling {
        Autoscaling { provider, min_replicas: 2, ..Autoscaling::default() }
    }

    #[test]
    fn a_deployment_is_made_with_the_fewest_pods() {
        for provider in [AutoscalingProvider::Embedded, AutoscalingProvider::None] {
            assert_eq!(decide(None, &with(provider)), Replicas::Create(2));
        }
    }

    #[test]
    fn a_number_that_only_we_own_is_seeded_as_it_is() {
        for provider in [AutoscalingProvider::Embedded, AutoscalingProvider::None] {
            assert_eq!(decide(Some(&live(7, &["ping-operator"])), &with(provider)), Replicas::Seed(7));
            assert_eq!(decide(Some(&live(7, &[])), &with(provider)), Replicas::Seed(7));
        }
    }

    #[test]
    fn a_number_that_somebody_else_owns_is_left_alone_in_both_directions() {
        for provider in
            [AutoscalingProvider::Embedded, AutoscalingProvider::External, AutoscalingProvider::None]
        {
            for owners in [&["kube-controller-manager"][..], &["ping-operator", "kubectl"], &[SEED_MANAGER]] {
                assert_eq!(decide(Some(&live(7, owners)), &with(provider)), Replicas::Leave, "{owners:?}");
            }
        }
    }

    #[test]
    fn zero_pods_are_woken_where_an_autoscaler_would_sleep() {
        let asleep = live(0, &["kubectl"]);
        assert_eq!(decide(Some(&asleep), &with(AutoscalingProvider::Embedded)), Replicas::Wake(2));
        assert_eq!(decide(Some(&asleep), &with(AutoscalingProvider::None)), Replicas::Leave);
    }
}
