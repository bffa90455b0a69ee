//! The `APIService` that sends `external.metrics.k8s.io` to us. There is one such place in a cluster: where somebody
//! else has it, nothing is written. Pure; [`super::registration`] reads and writes.

use k8s_openapi::{
    ByteString,
    apimachinery::pkg::apis::meta::v1::OwnerReference,
    kube_aggregator::pkg::apis::apiregistration::v1::{APIService, APIServiceSpec, ServiceReference},
};
use kube::api::ObjectMeta;

use super::discovery::{GROUP, VERSION};
use crate::names::MANAGER;

/// The `APIService`'s name.
pub const NAME: &str = "v1beta1.external.metrics.k8s.io";

/// What ours must be.
#[derive(Debug, Clone, PartialEq)]
pub struct Registered {
    /// Our Service's namespace.
    pub namespace: String,
    /// Our Service.
    pub service: String,
    /// Our `ClusterRole`: the `APIService` goes when it goes.
    pub owner: OwnerReference,
    /// The authorities of the serving certificate, PEM.
    pub ca_bundle: String,
}

/// What to do.
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
}

/// Decides by the `APIService` as it is.
#[must_use]
pub fn step(existing: Option<&APIService>, registered: &Registered) -> Step {
    let Some(existing) = existing else { return Step::Create(Box::new(fresh(registered))) };
    if !is_ours(existing, &registered.namespace, &registered.service) {
        return Step::LeaveTo(owner_in_words(existing));
    }
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
            name: Some(NAME.to_owned()),
            labels: Some([("app.kubernetes.io/managed-by".to_owned(), MANAGER.to_owned())].into()),
            owner_references: Some(vec![registered.owner.clone()]),
            ..ObjectMeta::default()
        },
        spec: Some(APIServiceSpec {
            group: Some(GROUP.to_owned()),
            version: Some(VERSION.to_owned()),
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

    use super::{APIService, Registered, Step, is_ours, step};

    fn registered(ca_bundle: &str) -> Registered {
        Registered {
            namespace: "ping-system".to_owned(),
            service: "ping-operator-metrics".to_owned(),
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
    fn somebody_elses_is_left_to_them_whatever_it_says() {
        for (namespace, name) in
            [("keda", "keda-metrics-apiserver"), ("ping-system", "other"), ("other", "ping-operator-metrics")]
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
        assert!(!is_ours(&local, "ping-system", "ping-operator-metrics"));
        assert!(matches!(step(Some(&local), &registered("new")), Step::LeaveTo(_)));
    }
}
