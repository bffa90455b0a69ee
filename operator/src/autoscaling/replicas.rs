//! Who sets the number of pods of both services: the operator at first, then whoever scales, without a jump in between.
//!
//! A field that leaves the applied object while we alone own it is reset to its default, 1. So before it leaves,
//! a second field manager of ours takes over the value that is there. That write is not forced: if the autoscaler
//! has just set another value it is refused, and then the field has an owner, which was all we wanted.
//!
//! A number that the spec asks for is set when it changes, and never in between: an annotation holds the last one.

use k8s_openapi::api::apps::v1::Deployment;
use kube::{
    Api, Client, ResourceExt as _,
    api::{Patch, PatchParams},
};
use pingstack_crd::services::{Autoscaling, AutoscalingProvider, UserService};
use serde_json::json;

use crate::{
    names::{MANAGER, Part, REPLICAS_ANNOTATION, StackId},
    watches::owns_replicas,
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
    /// Somebody set 0, at which an autoscaler sleeps for ever, or the spec asks for another number than before: set this one.
    Set(i32),
    /// Somebody else owns it.
    Leave,
}

/// How the number of a service's pods is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scaling {
    /// The service.
    pub part: Part,
    /// How many a new Deployment has.
    pub first: i32,
    /// Whether an autoscaler is to scale it, which does nothing at 0.
    pub wakes: bool,
    /// The value of [`REPLICAS_ANNOTATION`] while the spec asks for a number.
    pub asked: Option<String>,
}

impl Scaling {
    /// Of user-service.
    #[must_use]
    pub fn of_user_service(spec: &UserService) -> Self {
        let first = spec.autoscaling.as_ref().map_or(spec.replicas, |autoscaling| autoscaling.min_replicas);
        let wakes = spec.autoscaling.is_some();
        Self { part: Part::UserService, first, wakes, asked: (!wakes).then(|| annotation(spec)) }
    }

    /// Of the mail consumers.
    #[must_use]
    pub fn of_mail_service(spec: &Autoscaling) -> Self {
        let wakes = spec.provider != AutoscalingProvider::None;
        Self { part: Part::MailService, first: spec.min_replicas, wakes, asked: None }
    }
}

/// The value of [`REPLICAS_ANNOTATION`].
#[must_use]
pub fn annotation(spec: &UserService) -> String {
    match &spec.autoscaling {
        Some(bounds) => format!("{}-{}", bounds.min_replicas, bounds.max_replicas),
        None => spec.replicas.to_string(),
    }
}

/// The fewest pods that the spec asks for; `None` where it does not say.
#[must_use]
pub fn fewest(deployment: &Deployment) -> Option<i32> {
    deployment.annotations().get(REPLICAS_ANNOTATION)?.split('-').next()?.parse().ok()
}

/// Decides by the Deployment as it is.
#[must_use]
pub fn decide(live: Option<&Deployment>, scaling: &Scaling) -> Replicas {
    let Some(live) = live else { return Replicas::Create(scaling.first) };
    let count = live.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    if count == 0 && scaling.wakes {
        return Replicas::Set(scaling.first);
    }
    let fields = live.metadata.managed_fields.iter().flatten();
    let mut owners = fields.filter(|entry| owns_replicas(entry));
    let others = owners.any(|entry| entry.manager.as_deref() != Some(MANAGER));
    let before = live.annotations().get(REPLICAS_ANNOTATION);
    match &scaling.asked {
        // Without the annotation it was made by a release that set the number in every pass.
        Some(asked) if before != Some(asked) && (before.is_some() || !others) => Replicas::Set(scaling.first),
        _ if others => Replicas::Leave,
        _ => Replicas::Seed(count),
    }
}

/// Makes `desired` fit to be applied: with a number only if there is no Deployment yet. `cached` may be old, or lack;
/// its managed fields must be there.
pub async fn hand_over(
    client: &Client,
    id: &StackId,
    scaling: &Scaling,
    desired: &mut Deployment,
    cached: Option<&Deployment>,
) -> Result<(), kube::Error> {
    if cached.is_some() && decide(cached, scaling) == Replicas::Leave {
        set(desired, None);
        return Ok(());
    }
    let api = Api::<Deployment>::namespaced(client.clone(), &id.namespace);
    let name = desired.name_any();
    let live = api.get_opt(&name).await?;
    if live.as_ref().is_some_and(|live| !id.owns(live.metadata.owner_references.as_ref())) {
        return Ok(()); // Somebody else's: the apply leaves it alone and says so.
    }
    let (count, force) = match decide(live.as_ref(), scaling) {
        Replicas::Create(count) => {
            set(desired, Some(count));
            return Ok(());
        }
        Replicas::Leave => {
            set(desired, None);
            return Ok(());
        }
        Replicas::Seed(count) => (count, false),
        Replicas::Set(count) => (count, true),
    };
    let uid = live.and_then(|live| live.metadata.uid);
    match apply_number(&api, &name, uid.as_deref(), count, force).await {
        Ok(()) => set(desired, None),
        // The autoscaler was faster: the number has an owner.
        Err(kube::Error::Api(status)) if status.code == 409 => set(desired, None),
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Sets the number of a Deployment's pods, whoever set it before: where the operator is what scales it.
pub async fn scale(client: &Client, live: &Deployment, count: i32) -> Result<(), kube::Error> {
    let namespace = live.metadata.namespace.as_deref().unwrap_or_default();
    let api = Api::<Deployment>::namespaced(client.clone(), namespace);
    apply_number(&api, &live.name_any(), live.metadata.uid.as_deref(), count, true).await
}

/// As [`SEED_MANAGER`], to this very Deployment.
async fn apply_number(
    api: &Api<Deployment>,
    name: &str,
    uid: Option<&str>,
    count: i32,
    force: bool,
) -> Result<(), kube::Error> {
    let number = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": name, "uid": uid },
        "spec": { "replicas": count },
    });
    let params = PatchParams { force, ..PatchParams::apply(SEED_MANAGER) };
    api.patch(name, &params, &Patch::Apply(&number)).await.map(drop)
}

fn set(desired: &mut Deployment, replicas: Option<i32>) {
    if let Some(spec) = &mut desired.spec {
        spec.replicas = replicas;
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::apps::v1::Deployment;
    use pingstack_crd::services::{Autoscaling, AutoscalingProvider, UserService, UserServiceAutoscaling};
    use serde_json::{Value, json};

    use super::{Replicas, SEED_MANAGER, Scaling, decide};

    fn live(replicas: i32, managers: &[&str]) -> Deployment {
        let entry = |manager: &&str| json!({ "manager": manager, "operation": "Apply", "fieldsV1": { "f:spec": { "f:replicas": {} } } });
        let mut entries = managers.iter().map(entry).collect::<Vec<Value>>();
        entries.push(json!({ "manager": "kubelet", "fieldsV1": { "f:status": { "f:replicas": {} } } }));
        let metadata = json!({ "name": "demo-mail-service", "managedFields": entries });
        let spec = json!({ "replicas": replicas, "selector": {}, "template": {} });
        serde_json::from_value(json!({ "metadata": metadata, "spec": spec })).unwrap()
    }

    fn with(provider: AutoscalingProvider) -> Scaling {
        let spec = Autoscaling { provider, min_replicas: 2, ..Autoscaling::default() };
        Scaling::of_mail_service(&spec)
    }

    fn asking_for(replicas: i32) -> Scaling {
        Scaling::of_user_service(&UserService { replicas, ..UserService::default() })
    }

    fn within_bounds() -> Scaling {
        let autoscaling =
            Some(UserServiceAutoscaling { min_replicas: 3, ..UserServiceAutoscaling::default() });
        Scaling::of_user_service(&UserService { autoscaling, ..UserService::default() })
    }

    /// With what the annotation says.
    fn noted(mut live: Deployment, value: &str) -> Deployment {
        let note = ("pingstack.dev/replicas".to_owned(), value.to_owned());
        live.metadata.annotations = Some([note].into());
        live
    }

    #[test]
    fn a_deployment_is_made_with_the_fewest_pods() {
        for provider in [AutoscalingProvider::Embedded, AutoscalingProvider::None] {
            assert_eq!(decide(None, &with(provider)), Replicas::Create(2));
        }
        assert_eq!(decide(None, &asking_for(4)), Replicas::Create(4));
        assert_eq!(decide(None, &within_bounds()), Replicas::Create(3));
    }

    #[test]
    fn a_number_that_only_we_own_is_seeded_as_it_is() {
        for provider in [AutoscalingProvider::Embedded, AutoscalingProvider::None] {
            assert_eq!(decide(Some(&live(7, &["ping-operator"])), &with(provider)), Replicas::Seed(7));
            assert_eq!(decide(Some(&live(7, &[])), &with(provider)), Replicas::Seed(7));
        }
        assert_eq!(decide(Some(&noted(live(4, &["ping-operator"]), "4")), &asking_for(4)), Replicas::Seed(4));
        assert_eq!(
            decide(Some(&noted(live(4, &["ping-operator"]), "4")), &within_bounds()),
            Replicas::Seed(4)
        );
    }

    #[test]
    fn a_number_that_somebody_else_owns_is_left_alone_in_both_directions() {
        for owners in [&["kube-controller-manager"][..], &["ping-operator", "kubectl"], &[SEED_MANAGER]] {
            for provider in
                [AutoscalingProvider::Embedded, AutoscalingProvider::External, AutoscalingProvider::None]
            {
                assert_eq!(decide(Some(&live(7, owners)), &with(provider)), Replicas::Leave, "{owners:?}");
            }
            for count in [0, 1, 7] {
                let scaled = noted(live(count, owners), "2");
                assert_eq!(decide(Some(&scaled), &asking_for(2)), Replicas::Leave, "{owners:?}, {count}");
            }
        }
    }

    #[test]
    fn another_number_in_the_spec_is_set_whoever_owns_it() {
        for owners in [&["kube-controller-manager"][..], &["kubectl"], &["ping-operator"], &[SEED_MANAGER]] {
            let scaled = noted(live(7, owners), "2");
            assert_eq!(decide(Some(&scaled), &asking_for(3)), Replicas::Set(3), "{owners:?}");
            // Autoscaling was turned off.
            let scaled = noted(live(7, owners), "2-10");
            assert_eq!(decide(Some(&scaled), &asking_for(3)), Replicas::Set(3), "{owners:?}");
        }
    }

    #[test]
    fn a_deployment_of_an_older_release_follows_the_spec_unless_somebody_scales_it() {
        assert_eq!(decide(Some(&live(2, &["ping-operator"])), &asking_for(3)), Replicas::Set(3));
        let fought = live(2, &["ping-operator", "kube-controller-manager"]);
        assert_eq!(decide(Some(&fought), &asking_for(3)), Replicas::Leave);
    }

    #[test]
    fn zero_pods_are_woken_where_an_autoscaler_would_sleep() {
        let asleep = live(0, &["kubectl"]);
        assert_eq!(decide(Some(&asleep), &with(AutoscalingProvider::Embedded)), Replicas::Set(2));
        assert_eq!(decide(Some(&asleep), &with(AutoscalingProvider::None)), Replicas::Leave);
        assert_eq!(decide(Some(&noted(asleep, "3-10")), &within_bounds()), Replicas::Set(3));
    }
}
