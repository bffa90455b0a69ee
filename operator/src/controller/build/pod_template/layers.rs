//! A template that is added to a pod. There are two: the operator's for all stacks, and a part's own over it.

use std::collections::BTreeSet;

use pingstack_crd::pod_template::{EnvVar, PodTemplate, Refused};
use serde_json::{Map, Value, json};

use super::{
    CONTAINERS, DEFAULT_FIELD, GRACE,
    strategic_merge::{merge, merge_list},
};
use crate::names::{PART_LABEL, Part, STACK_LABEL};

/// Fields of which a pod needs what the operator writes: `null` in a part's own template removes what the one for all stacks
/// has, and no more.
const NEEDED: [&str; 4] = ["containers", "imagePullSecrets", GRACE, "volumes"];

/// The items of a list; none of anything else.
pub(super) fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// A template, and how its author knows it.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    pub field: &'static str,
    pub metadata: Value,
    pub spec: Map<String, Value>,
    /// Variables of the part's own container.
    pub env: Vec<EnvVar>,
}

impl Layer {
    pub(super) fn new(field: &'static str, template: &PodTemplate) -> Self {
        let mut spec = template.spec.clone();
        removed_as_null(&mut spec);
        quantities_as_text(&mut spec);
        let metadata = json!(template.metadata.clone().unwrap_or_default());
        Self { field, metadata, spec, env: template.env.clone() }
    }

    /// Without what it says of the own containers of other parts.
    pub(super) fn of_part(mut self, part: Part) -> Self {
        if let Some(Value::Array(containers)) = self.spec.get_mut("containers") {
            let is_others =
                |name: &Value| CONTAINERS.iter().any(|own| *name == **own) && *name != part.name();
            containers.retain(|container| !is_others(&container["name"]));
        }
        self
    }

    /// What is for a service's pods says nothing of pods that end.
    pub(super) fn leave_out_what_lasts(&mut self) {
        for field in ["initContainers", "topologySpreadConstraints", GRACE] {
            self.spec.remove(field);
        }
    }

    /// The items of a list of the pod's fields.
    pub(super) fn list(&self, field: &str) -> impl Iterator<Item = &Value> {
        self.spec.get(field).and_then(Value::as_array).into_iter().flatten()
    }

    pub(super) fn merge_into(&self, pod: &mut Value) {
        merge(pod, &json!({ "metadata": self.metadata, "spec": self.spec }));
    }
}

/// Writes `null` for what the directives of a strategic patch remove: `{ $patch: delete }` a field, `[{ $patch: replace }]` a list.
/// Authors write these: neither `kubectl apply` nor Helm hands a null on.
fn removed_as_null(fields: &mut Map<String, Value>) {
    for value in fields.values_mut() {
        if *value == json!({ "$patch": "delete" }) || *value == json!([{ "$patch": "replace" }]) {
            *value = Value::Null;
            continue;
        }
        match value {
            Value::Object(fields) => removed_as_null(fields),
            Value::Array(items) => {
                items.iter_mut().filter_map(Value::as_object_mut).for_each(removed_as_null);
            }
            _ => {}
        }
    }
}

/// Takes out of the templates what would remove fields that the pod needs. A shorter time than the part needs to end would
/// lose what it does; one for all parts is raised to what each needs.
pub(super) fn keep_what_is_needed(layers: &mut [Layer], pod: &Value) -> Result<(), Refused> {
    for index in 0..layers.len() {
        for field in NEEDED {
            if layers[index].spec.get(field).is_some_and(Value::is_null) {
                for layer in &mut layers[..=index] {
                    layer.spec.remove(field);
                }
            }
        }
    }
    let needed = pod["spec"][GRACE].as_i64().unwrap_or_default();
    for layer in layers {
        let Some(given) = layer.spec.get(GRACE).and_then(Value::as_i64) else { continue };
        if given >= needed {
            continue;
        }
        if layer.field != DEFAULT_FIELD {
            return Err(Refused::new(
                format!("{}.spec.{GRACE}", layer.field),
                format!("is {given}, but the pods need {needed} s to end: write {needed} or more"),
            ));
        }
        layer.spec.insert(GRACE.to_owned(), json!(needed));
    }
    Ok(())
}

/// Adds variables and mounts to the part's own container; returns which variables it has already, in words.
pub(super) fn add_to_container(layers: &[Layer], part: Part, container: &mut Value) -> Vec<String> {
    let mut variables = items(&container["env"]).cloned().collect::<Vec<_>>();
    let names = variables.iter().filter_map(|variable| variable["name"].as_str());
    let ours = names.map(str::to_owned).collect::<BTreeSet<_>>();
    let mut notes = Vec::new();
    for layer in layers {
        let own = layer.list("containers").filter(|one| one["name"] == part.name()).collect::<Vec<_>>();
        let added = layer.env.iter().map(|one| json!(one));
        let added = added.chain(own.iter().flat_map(|own| items(&own["env"]).cloned()));
        let mut clashes = Vec::new();
        for variable in added {
            let name = variable["name"].as_str().unwrap_or_default().to_owned();
            if ours.contains(&name) {
                clashes.push(name);
            } else {
                // The last one counts, where it is written: it may refer to those before it.
                variables.retain(|one| one["name"] != *name);
                variables.push(variable);
            }
        }
        if !clashes.is_empty() {
            let (field, names) = (layer.field, clashes.join(", "));
            notes.push(format!(
                "{field} sets {names}, which the operator sets in {}: the operator's value is used",
                part.name()
            ));
        }
        for own in own {
            let mounts = own["volumeMounts"].as_array().cloned().unwrap_or_default();
            merge(container, &json!({ "volumeMounts": mounts }));
        }
    }
    if !variables.is_empty() {
        container["env"] = Value::Array(variables);
    }
    notes
}

/// Takes the containers out of the templates; those besides the part's own, merged.
pub(super) fn sidecars(layers: &mut [Layer], part: Part) -> Vec<Value> {
    let mut all = Vec::new();
    for layer in layers {
        let Some(Value::Array(containers)) = layer.spec.remove("containers") else { continue };
        let theirs = containers.into_iter().filter(|one| one["name"] != part.name()).collect::<Vec<_>>();
        merge_list("containers", &mut all, &theirs);
    }
    all
}

/// Adds what the users' containers and constraints leave to the operator.
pub(super) fn complete(pod: &mut Value) {
    for list in ["containers", "initContainers"] {
        for container in pod["spec"].get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            restrict(container);
        }
    }
    // A constraint without a selector would count no pod: it counts those of the part.
    let labels =
        [STACK_LABEL, PART_LABEL].map(|name| (name.to_owned(), pod["metadata"]["labels"][name].clone()));
    let siblings = json!({ "matchLabels": labels.into_iter().collect::<Map<_, _>>() });
    let constraints = pod["spec"].get_mut("topologySpreadConstraints").and_then(Value::as_array_mut);
    for constraint in constraints.into_iter().flatten() {
        if constraint["labelSelector"].is_null() {
            constraint["labelSelector"] = siblings.clone();
        }
    }
}

/// What `restricted` asks of every container.
fn restrict(container: &mut Value) {
    let security = &mut container["securityContext"];
    if security["allowPrivilegeEscalation"].is_null() {
        security["allowPrivilegeEscalation"] = json!(false);
    }
    if security["capabilities"]["drop"].is_null() {
        security["capabilities"]["drop"] = json!(["ALL"]);
    }
}

/// A container without an image is most likely a misspelt name: of the part's own, or of one in the other template.
pub(super) fn check_images(layers: &[Layer], pod: &Value) -> Result<(), Refused> {
    for list in ["containers", "initContainers"] {
        let mut all = items(&pod["spec"][list]);
        let Some(container) = all.find(|one| one["image"].as_str().is_none_or(str::is_empty)) else {
            continue;
        };
        let name = &container["name"];
        let has_it = |layer: &&Layer| layer.list(list).any(|one| one["name"] == *name);
        let field = layers.iter().rfind(has_it).map_or(DEFAULT_FIELD, |layer| layer.field);
        return Err(Refused::new(
            format!("{field}.spec.{list}[{}]", name.as_str().unwrap_or_default()),
            format!(
                "has no image: write one, or the name of the part's own container, {}",
                pod["spec"]["containers"][0]["name"]
            ),
        ));
    }
    Ok(())
}

/// Kubernetes takes `cpu: 1` for `cpu: "1"`.
fn quantities_as_text(spec: &mut Map<String, Value>) {
    for list in ["containers", "initContainers"] {
        for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            for amounts in ["requests", "limits"] {
                let amounts = container.pointer_mut(&format!("/resources/{amounts}"));
                for (_, amount) in amounts.and_then(Value::as_object_mut).into_iter().flatten() {
                    if amount.is_number() {
                        *amount = Value::String(amount.to_string());
                    }
                }
            }
        }
    }
}
