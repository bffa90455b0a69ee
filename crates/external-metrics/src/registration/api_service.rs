//! The `APIService` that sends `external.metrics.k8s.io`, or `custom.metrics.k8s.io`, to us. A cluster has one place for each:
//! where somebody else has it, nothing is written, and what nobody needs is given back. Pure; [`super::registration`] reads
//! and writes.

use k8s_openapi::{
    ByteString,
    apimachinery::pkg::apis::meta::v1::OwnerReference,
    kube_aggregator::pkg::apis::apiregistration::v1::{APIService, APIServiceSpec, ServiceReference},
};
use kube::api::ObjectMeta;

use crate::group::MetricsGroup;

/// What ours must be.
#[derive(Debug, Clone, PartialEq)]
pub struct Registered {
    /// Which of the two APIs.
    pub group: MetricsGroup,
    /// Who writes it.
    pub manager: String,
    /// Our Service's namespace.
    pub namespace: String,
    pub service: String,
    /// Our `ClusterRole`: the `APIService` goes when it goes.
    pub owner: OwnerReference,
    /// The authorities of the serving certificate, PEM.
    pub ca_bundle: String,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// The place is free.
    Create(Box<APIService>),
    /// Ours, and not as it must be; carries the resourceVersion that was read.
    Replace(Box<APIService>),
    /// Ours, and as it must be.
    Keep,
    /// Somebody else's: who, in words.
    LeaveTo(String),
    /// Nobody's, and not needed.
    Free,
    /// Ours, and not needed, or somebody else has the group in another version.
    GiveBack(Box<APIService>),
}

/// Whether anybody needs an API of metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Demand {
    /// Not known yet.
    #[default]
    Unknown,
    /// Nobody does.
    Unneeded,
    /// Somebody does.
    Needed,
}

/// The `APIService`s of a group as they are.
#[derive(Debug, Clone, Copy, Default)]
pub struct Place<'a> {
    /// The one that would be ours.
    pub existing: Option<&'a APIService>,
    /// The one of another version.
    pub other: Option<&'a APIService>,
}

/// Decides by the `APIService`s as they are.
#[must_use]
pub fn step(place: Place<'_>, registered: &Registered, demand: Demand) -> Step {
    let is_foreign = |existing: &&APIService| !is_ours(existing, &registered.namespace, &registered.service);
    if let Some(foreign) = place.existing.filter(is_foreign) {
        return Step::LeaveTo(owner_in_words(foreign));
    }
    let rival = place.other.filter(is_foreign);
    let existing = match (place.existing, rival, demand) {
        (Some(ours), Some(_), _) | (Some(ours), None, Demand::Unneeded) => {
            return Step::GiveBack(Box::new(ours.clone()));
        }
        (None, Some(rival), _) => return Step::LeaveTo(owner_in_words(rival)),
        (None, None, Demand::Needed) => return Step::Create(Box::new(fresh(registered))),
        (None, None, Demand::Unknown | Demand::Unneeded) => return Step::Free,
        (Some(ours), None, Demand::Unknown | Demand::Needed) => ours,
    };
    let mut wanted = existing.clone();
    let fresh = fresh(registered);
    wanted.spec = fresh.spec;
    wanted.metadata.owner_references = fresh.metadata.owner_references;
    wanted.metadata.labels.get_or_insert_default().extend(fresh.metadata.labels.unwrap_or_default());
    if wanted == *existing { Step::Keep } else { Step::Replace(Box::new(wanted)) }
}

/// Whether an `APIService` sends to our Service.
#[must_use]
pub fn is_ours(existing: &APIService, namespace: &str, service: &str) -> bool {
    let target = existing.spec.as_ref().and_then(|spec| spec.service.as_ref());
    target.is_some_and(|target| {
        target.namespace.as_deref() == Some(namespace) && target.name.as_deref() == Some(service)
    })
}

/// Whether the API server reaches it: its condition, or that there is none yet.
pub fn availability(existing: &APIService) -> Result<(), String> {
    let conditions = existing.status.as_ref().and_then(|status| status.conditions.as_ref());
    match conditions.into_iter().flatten().find(|condition| condition.type_ == "Available") {
        Some(condition) if condition.status == "True" => Ok(()),
        Some(condition) => Err(condition.reason.clone().unwrap_or_default()),
        None => Err("NotLookedAtYet".to_owned()),
    }
}

fn owner_in_words(existing: &APIService) -> String {
    match existing.spec.as_ref().and_then(|spec| spec.service.as_ref()) {
        Some(service) => format!(
            "the Service {} in the namespace {}",
            service.name.as_deref().unwrap_or("?"),
            service.namespace.as_deref().unwrap_or("?")
        ),
        None => "the API server itself".to_owned(),
    }
}

fn fresh(registered: &Registered) -> APIService {
    APIService {
        metadata: ObjectMeta {
            name: Some(registered.group.api_service().to_owned()),
            labels: Some([("app.kubernetes.io/managed-by".to_owned(), registered.manager.clone())].into()),
            owner_references: Some(vec![registered.owner.clone()]),
            ..ObjectMeta::default()
        },
        spec: Some(APIServiceSpec {
            group: Some(registered.group.name().to_owned()),
            version: Some(registered.group.version().to_owned()),
            group_priority_minimum: 100,
            version_priority: 100,
            ca_bundle: Some(ByteString(registered.ca_bundle.clone().into_bytes())),
            insecure_skip_tls_verify: None,
            service: Some(ServiceReference {
                namespace: Some(registered.namespace.clone()),
                name: Some(registered.service.clone()),
                port: Some(443),
            }),
        }),
        status: None,
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

    use super::{APIService, Demand, MetricsGroup, Place, Registered, Step, is_ours};

    /// Where it is needed.
    fn step(existing: Option<&APIService>, registered: &Registered) -> Step {
        super::step(Place { existing, other: None }, registered, Demand::Needed)
    }

    fn registered(ca_bundle: &str) -> Registered {
        Registered {
            group: MetricsGroup::External,
            manager: "queue-metrics".to_owned(),
            namespace: "queues".to_owned(),
            service: "queue-metrics".to_owned(),
            owner: OwnerReference {
                kind: "ClusterRole".to_owned(),
                uid: "role-1".to_owned(),
                ..OwnerReference::default()
            },
            ca_bundle: ca_bundle.to_owned(),
        }
    }

    fn created() -> APIService {
        let Step::Create(mut made) = step(None, &registered("old")) else { panic!("the place was free") };
        made.metadata.resource_version = Some("7".to_owned());
        *made
    }

    #[test]
    fn ours_is_kept_and_follows_the_bundle() {
        let ours = created();
        assert_eq!(step(Some(&ours), &registered("old")), Step::Keep);
        let Step::Replace(replaced) = step(Some(&ours), &registered("old+new")) else {
            panic!("not replaced")
        };
        assert_eq!(replaced.spec.as_ref().unwrap().ca_bundle.as_ref().unwrap().0, b"old+new");
        assert_eq!(
            replaced.metadata.resource_version.as_deref(),
            Some("7"),
            "or it might overwrite somebody's"
        );
    }

    #[test]
    fn ours_without_its_owner_or_without_verification_is_mended() {
        let mut ours = created();
        ours.metadata.owner_references = None;
        ours.spec.as_mut().unwrap().insecure_skip_tls_verify = Some(true);
        let Step::Replace(mended) = step(Some(&ours), &registered("old")) else { panic!("not mended") };
        assert_eq!(mended.spec, created().spec);
        assert_eq!(mended.metadata.owner_references, created().metadata.owner_references);
    }

    #[test]
    fn what_nobody_needs_is_given_back_once_that_is_known() {
        let ours = created();
        let with =
            |existing, demand| super::step(Place { existing, other: None }, &registered("old"), demand);
        assert_eq!(with(Some(&ours), Demand::Unneeded), Step::GiveBack(Box::new(ours.clone())));
        assert_eq!(with(Some(&ours), Demand::Unknown), Step::Keep);
        for demand in [Demand::Unneeded, Demand::Unknown] {
            assert_eq!(with(None, demand), Step::Free);
        }
        let mut foreign = created();
        foreign.spec.as_mut().unwrap().service = None;
        assert!(matches!(with(Some(&foreign), Demand::Unneeded), Step::LeaveTo(_)));
    }

    #[test]
    fn a_group_that_somebody_has_in_another_version_is_theirs() {
        let registered = Registered { group: MetricsGroup::Custom, ..registered("old") };
        let Step::Create(ours) = step(None, &registered) else { panic!("the place was free") };
        assert_eq!(ours.metadata.name.as_deref(), Some("v1beta2.custom.metrics.k8s.io"));
        let mut adapter = *ours.clone();
        adapter.spec.as_mut().unwrap().service.as_mut().unwrap().name = Some("prometheus-adapter".to_owned());
        let with =
            |existing| super::step(Place { existing, other: Some(&adapter) }, &registered, Demand::Needed);
        let Step::LeaveTo(owner) = with(None) else { panic!("the group was seized") };
        assert_eq!(owner, "the Service prometheus-adapter in the namespace queues");
        assert_eq!(with(Some(&ours)), Step::GiveBack(ours.clone()));
    }

    #[test]
    fn somebody_elses_is_left_to_them_whatever_it_says() {
        for (namespace, name) in
            [("keda", "keda-metrics-apiserver"), ("queues", "other"), ("other", "queue-metrics")]
        {
            let mut foreign = created();
            let service = foreign.spec.as_mut().unwrap().service.as_mut().unwrap();
            (service.namespace, service.name) = (Some(namespace.to_owned()), Some(name.to_owned()));
            let Step::LeaveTo(owner) = step(Some(&foreign), &registered("new")) else {
                panic!("{namespace}/{name}")
            };
            assert_eq!(owner, format!("the Service {name} in the namespace {namespace}"));
        }
        let mut local = created();
        local.spec.as_mut().unwrap().service = None;
        assert!(!is_ours(&local, "queues", "queue-metrics"));
        assert!(matches!(step(Some(&local), &registered("new")), Step::LeaveTo(_)));
    }
}
