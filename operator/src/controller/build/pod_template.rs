//! What users add to the pods of a part: the template that the operator has for all stacks, and the part's own over it,
//! merged one after the other into the pod that the operator builds.

use pingstack_crd::pod_template::{PodTemplate, Refused};
use serde_json::{Map, Value, json};

use super::{Context, Error};
use crate::names::Part;

mod layers;
mod restricted;
mod rules;
mod strategic_merge;

use layers::Layer;
use rules::Own;
use strategic_merge::merge;

/// The names of the parts' own containers.
const CONTAINERS: [&str; 4] = ["redis", "rabbitmq", "user-service", "mail-service"];

/// How long a pod may take to end.
const GRACE: &str = "terminationGracePeriodSeconds";

/// How the author of the template for all stacks knows it: by its name in the values of the operator's chart.
const DEFAULT_FIELD: &str = "stackPods.podTemplate";

/// What is added to the pods of a part.
#[derive(Debug, Clone)]
pub(super) struct Additions {
    part: Part,
    /// The one for all stacks, then the part's own.
    layers: Vec<Layer>,
    pull_secret: Option<String>,
    service_account_annotations: Map<String, Value>,
}

/// Whether the pod runs on, or ends: no other container may keep it from that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    Lasts,
    Ends,
}

/// A pod with everything that was added, and what was not, in words.
#[derive(Debug)]
pub(super) struct Customised {
    pub pod: Value,
    pub notes: Vec<String>,
}

/// Checks the template that the operator has for all stacks; `field` is how its author knows it.
pub fn check_default(field: &str, template: &PodTemplate) -> Result<(), Refused> {
    let layer = Layer::new(DEFAULT_FIELD, template);
    let own = Own { containers: &CONTAINERS, pod: &Value::Null, reserved: &[] };
    rules::check(field, &layer, &own)
}

/// The metadata, spec and pull secret of a part's pod, with what users add. What was not taken is noted in the context.
pub(super) fn finish(context: &Context<'_>, part: Part, pod: Value) -> Result<Value, Error> {
    let additions = Additions::of(context, part);
    let Customised { pod, notes } = additions.added_to(pod, Life::Lasts).map_err(Error::PodTemplate)?;
    context.notes.borrow_mut().extend(notes);
    Ok(pod)
}

/// The same for a pod of a Job. The part's pods have noted what there is to note.
pub(super) fn finish_job(context: &Context<'_>, part: Part, pod: Value) -> Result<Value, Error> {
    let customised = Additions::of(context, part).added_to(pod, Life::Ends);
    customised.map(|customised| customised.pod).map_err(Error::PodTemplate)
}

/// The annotations of a part's ServiceAccount.
pub(super) fn service_account_annotations(context: &Context<'_>, part: Part) -> Option<Value> {
    let annotations = Additions::of(context, part).service_account_annotations;
    (!annotations.is_empty()).then_some(Value::Object(annotations))
}

impl Additions {
    /// Those of a part.
    pub(super) fn of(context: &Context<'_>, part: Part) -> Self {
        let spec = &context.stack.spec;
        let (field, own) = match part {
            Part::Redis => (
                "redis.managed.podTemplate",
                spec.redis.managed.as_ref().and_then(|redis| redis.pod_template.as_ref()),
            ),
            Part::RabbitMq => (
                "rabbitmq.managed.podTemplate",
                spec.rabbitmq.managed.as_ref().and_then(|broker| broker.pod_template.as_ref()),
            ),
            Part::UserService => ("userService.podTemplate", spec.user_service.pod_template.as_ref()),
            Part::MailService => ("mailService.podTemplate", spec.mail_service.pod_template.as_ref()),
        };
        let default = &context.platform.pod_template;
        let layers = [Layer::new(DEFAULT_FIELD, default).of_part(part)]
            .into_iter()
            .chain(own.map(|own| Layer::new(field, own)));
        Self {
            part,
            layers: layers.collect(),
            pull_secret: context.stack.pull_secret.as_ref().map(|_| context.stack.id.pull_secret()),
            service_account_annotations: annotations(default, own),
        }
    }

    /// The pod with all of it; it has `metadata` and `spec`, and its first container is the part's.
    pub(super) fn added_to(&self, mut pod: Value, life: Life) -> Result<Customised, Refused> {
        let containers = [self.part.name()];
        let reserved = CONTAINERS.into_iter().filter(|name| !containers.contains(name)).collect::<Vec<_>>();
        let own = Own { containers: &containers, pod: &pod, reserved: &reserved };
        for layer in &self.layers {
            rules::check(layer.field, layer, &own)?;
        }
        let mut layers = self.layers.clone();
        layers::keep_what_is_needed(&mut layers, &pod)?;
        if let Some(name) = &self.pull_secret {
            merge(&mut pod, &json!({ "spec": { "imagePullSecrets": [{ "name": name }] } }));
        }
        let notes = layers::add_to_container(&layers, self.part, &mut pod["spec"]["containers"][0]);
        let sidecars = layers::sidecars(&mut layers, self.part);
        for layer in &mut layers {
            if life == Life::Ends {
                layer.leave_out_what_lasts();
            }
            layer.merge_into(&mut pod);
        }
        if life == Life::Lasts
            && let Some(containers) = pod["spec"]["containers"].as_array_mut()
        {
            containers.extend(sidecars);
        }
        layers::complete(&mut pod);
        layers::check_images(&self.layers, &pod)?;
        Ok(Customised { pod, notes })
    }
}

fn annotations(default: &PodTemplate, own: Option<&PodTemplate>) -> Map<String, Value> {
    let own = own.into_iter().flat_map(|own| &own.service_account_annotations);
    let all = default.service_account_annotations.iter().chain(own);
    all.map(|(name, value)| (name.clone(), json!(value))).collect()
}

#[cfg(test)]
mod tests;
