//! What a stack has and no longer needs: deleted if it has our label *and* the stack's uid among its owners.

use std::collections::BTreeSet;

use k8s_openapi::api::{
    apps::v1::{Deployment, StatefulSet},
    autoscaling::v2::HorizontalPodAutoscaler,
    batch::v1::Job,
    core::v1::{ConfigMap, Secret, Service, ServiceAccount},
    networking::v1::{Ingress, NetworkPolicy},
    policy::v1::PodDisruptionBudget,
};
use kube::{
    Api, ResourceExt as _,
    api::{DeleteParams, Preconditions},
};

use super::Error;
use crate::{
    controller::{
        Context,
        build::{Plan, Resources},
    },
    events::{Happening, Notice},
    names::StackId,
    watches::ChildKind,
};

/// Kind and name of everything that stays.
pub(super) struct Kept(BTreeSet<(&'static str, String)>);

impl Kept {
    /// What a plan needs.
    pub(super) fn of(plan: &Plan) -> Self {
        let mut kept = Self(BTreeSet::new());
        let Resources {
            missing_secrets,
            pull_secrets,
            service_accounts,
            config_maps,
            services,
            network_policies,
            pod_disruption_budgets,
            stateful_sets,
            deployments,
            horizontal_pod_autoscalers,
            ingresses,
            jobs,
            state: _,
        } = &plan.resources;
        let secrets = &plan.secrets;
        let own = [
            secrets.redis.as_deref(),
            secrets.broker.as_deref(),
            Some(&*secrets.user_service),
            secrets.user_ids.secret.as_deref(),
            secrets.mail_keys.secret.as_deref(),
        ];
        kept.add(own.into_iter().flatten());
        kept.add(
            [Some(&secrets.broker_users), secrets.retiring.as_ref()]
                .into_iter()
                .flatten()
                .map(|users| &*users.secret),
        );
        kept.add(missing_secrets);
        kept.add(pull_secrets);
        kept.add(service_accounts);
        kept.add(config_maps);
        kept.add(services);
        kept.add(network_policies);
        kept.add(pod_disruption_budgets);
        kept.add(stateful_sets);
        kept.add(deployments);
        kept.add(horizontal_pod_autoscalers);
        kept.add(ingresses);
        kept.add(jobs);
        kept
    }

    pub(super) fn add<'a, K: ChildKind>(&mut self, objects: impl IntoIterator<Item = &'a K>) {
        self.0.extend(objects.into_iter().map(|object| (K::KIND, object.name_any())));
    }
}

/// Deletes what does not stay.
pub(super) async fn delete(context: &Context, id: &StackId, kept: &Kept) -> Result<(), Error> {
    delete_kind::<Job>(context, id, kept).await?;
    delete_kind::<Ingress>(context, id, kept).await?;
    delete_kind::<HorizontalPodAutoscaler>(context, id, kept).await?;
    delete_kind::<Deployment>(context, id, kept).await?;
    delete_kind::<StatefulSet>(context, id, kept).await?;
    delete_kind::<PodDisruptionBudget>(context, id, kept).await?;
    delete_kind::<NetworkPolicy>(context, id, kept).await?;
    delete_kind::<Service>(context, id, kept).await?;
    delete_kind::<ConfigMap>(context, id, kept).await?;
    delete_kind::<ServiceAccount>(context, id, kept).await?;
    delete_kind::<Secret>(context, id, kept).await
}

async fn delete_kind<K: ChildKind>(context: &Context, id: &StackId, kept: &Kept) -> Result<(), Error> {
    let is_orphan = |object: &K| id.holds(object.meta()) && !kept.0.contains(&(K::KIND, object.name_any()));
    for orphan in K::store(&context.children).state_filter(is_orphan) {
        delete_object(context, id, &*orphan).await?;
    }
    Ok(())
}

/// Deletes this very object, not one of the same name made since.
pub(super) async fn delete_object<K: ChildKind>(
    context: &Context,
    id: &StackId,
    object: &K,
) -> Result<(), Error> {
    let name = object.name_any();
    let api = Api::<K>::namespaced(context.client.clone(), &id.namespace);
    let preconditions = Preconditions { uid: object.uid(), resource_version: None };
    let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::background() };
    match api.delete(&name, &params).await {
        Ok(_) => context.events.notify(id, Notice::object(Happening::Deleted, object)).await,
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {}
        Err(source) => return Err(Error::Delete { kind: K::KIND, name, source }),
    }
    Ok(())
}
