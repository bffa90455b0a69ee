//! What a template may not have: fields that are the operator's, and whatever the Pod Security Standard `restricted` refuses.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{EnvVar, PodSpec};
use pingstack_crd::pod_template::Refused;
use serde::Deserialize as _;
use serde_json::{Map, Value, json};

use super::{
    super::{lost_field, without_nulls},
    layers::{Layer, items},
    restricted::{of_network, of_security},
};

/// The fields of a pod that are the user's.
const FIELDS: [&str; 15] = [
    "affinity",
    "containers",
    "dnsConfig",
    "dnsPolicy",
    "hostAliases",
    "imagePullSecrets",
    "initContainers",
    "nodeSelector",
    "priorityClassName",
    "runtimeClassName",
    "schedulerName",
    "terminationGracePeriodSeconds",
    "tolerations",
    "topologySpreadConstraints",
    "volumes",
];

/// The labels of all pods of a stack, besides those that begin with `pingstack.dev/`.
const LABELS: [&str; 4] = [
    "app.kubernetes.io/name",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/part-of",
    "app.kubernetes.io/managed-by",
];

/// The types of volumes that `restricted` admits.
const VOLUMES: [&str; 8] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

const UNKNOWN: &str = "is not a field that Kubernetes knows: correct its name";

const RESTRICTED: &str = "breaks the Pod Security Standard `restricted`";

/// Checks a template; `field` is its path, and `own` what is the operator's.
pub(super) fn check(field: &str, layer: &Layer, own: &Own<'_>) -> Result<(), Refused> {
    check_metadata(&format!("{field}.metadata"), &layer.metadata, own)?;
    check_env(&format!("{field}.env"), &json!(layer.env))?;
    let field = format!("{field}.spec");
    check_names(&field, &layer.spec)?;
    let spec = Value::Object(layer.spec.clone());
    check_directives(&field, &spec)?;
    check_types(&field, &spec)?;
    check_twins(&field, &spec)?;
    for (index, volume) in layer.list("volumes").enumerate() {
        check_volume(&format!("{field}.volumes[{index}]"), volume, own)?;
    }
    for list in ["containers", "initContainers"] {
        for container in layer.list(list) {
            let name = container["name"].as_str().unwrap_or_default();
            let field = format!("{field}.{list}[{name}]");
            check_env(&format!("{field}.env"), &container["env"])?;
            if list == "containers" && own.containers.contains(&name) {
                check_own_container(&field, container, own)?;
            } else {
                check_container(&field, container, own)?;
            }
        }
    }
    Ok(())
}

/// What is the operator's in the pods of a part.
pub(super) struct Own<'a> {
    /// The names of the containers of which a template may write variables and mounts: the part's own, and in the template for
    /// all stacks every part's.
    pub containers: &'a [&'a str],
    /// The pod as the operator builds it.
    pub pod: &'a Value,
    /// Names of containers that no other container may have, besides those.
    pub reserved: &'a [&'a str],
}

impl Own<'_> {
    fn has_volume(&self, name: &Value) -> bool {
        // The claim of the pods of Redis and RabbitMQ is no volume of their template, but it is mounted.
        let volumes = items(&self.pod["spec"]["volumes"]);
        volumes.chain(self.mounts()).any(|volume| volume["name"] == *name)
    }

    fn mounts(&self) -> impl Iterator<Item = &Value> {
        items(&self.pod["spec"]["containers"][0]["volumeMounts"])
    }

    /// Where the operator mounts a volume that a volume at `path` would hide, or would have to be mounted into.
    fn mounted_around(&self, path: &str) -> Option<&str> {
        let folders = |path: &str| -> Vec<String> {
            path.split('/').filter(|folder| !folder.is_empty()).map(str::to_owned).collect()
        };
        let wanted = folders(path);
        let mut paths = self.mounts().filter_map(|mount| mount["mountPath"].as_str());
        paths.find(|own| {
            let own = folders(own);
            own.starts_with(&wanted) || wanted.starts_with(&own)
        })
    }
}

fn check_metadata(field: &str, metadata: &Value, own: &Own<'_>) -> Result<(), Refused> {
    for list in ["labels", "annotations"] {
        let names = metadata[list].as_object().into_iter().flatten();
        for (name, value) in names {
            let is_ours = name.starts_with("pingstack.dev/")
                || (list == "labels" && LABELS.contains(&name.as_str()))
                || !own.pod["metadata"][list][name].is_null();
            if is_ours {
                return Err(Refused::new(
                    format!("{field}.{list}"),
                    format!("has {name}, which is the operator's: leave it out"),
                ));
            }
            let is_profile = name.starts_with("container.apparmor.security.beta.kubernetes.io/");
            if list == "annotations" && is_profile && *value == "unconfined" {
                return Err(Refused::new(
                    format!("{field}.{list}"),
                    format!("has {name}: unconfined, which {RESTRICTED}"),
                ));
            }
        }
    }
    Ok(())
}

fn check_names(field: &str, spec: &Map<String, Value>) -> Result<(), Refused> {
    let Some(name) = spec.keys().find(|name| !FIELDS.contains(&name.as_str())) else { return Ok(()) };
    let why = match name.as_str() {
        "hostNetwork" | "hostPID" | "hostIPC" => format!("{RESTRICTED}: leave it out"),
        "securityContext" => "is set by the operator: for users and groups of the cluster's choice write securityProfile: OpenShift".to_owned(),
        "serviceAccountName" | "serviceAccount" | "automountServiceAccountToken" | "enableServiceLinks" | "restartPolicy" | "hostname" | "subdomain" => {
            "is set by the operator: leave it out".to_owned()
        }
        _ => format!("is not a field that podTemplate takes; it takes {}", FIELDS.join(", ")),
    };
    Err(Refused::new(format!("{field}.{name}"), why))
}

/// Those that remove a field or a list are null by now; the others are for patches that are sent to the API server.
fn check_directives(field: &str, value: &Value) -> Result<(), Refused> {
    match value {
        Value::Object(fields) => fields.iter().try_for_each(|(name, value)| {
            if name.starts_with('$') {
                return Err(Refused::new(format!("{field}.{name}"), "is a directive that podTemplate takes only to remove something: write `{ $patch: delete }` for a field and `[{ $patch: replace }]` for a list"));
            }
            check_directives(&format!("{field}.{name}"), value)
        }),
        Value::Array(values) => values.iter().try_for_each(|value| check_directives(field, value)),
        _ => Ok(()),
    }
}

fn check_types(field: &str, spec: &Value) -> Result<(), Refused> {
    let mut written = without_nulls(spec.clone());
    if written["containers"].is_null() {
        written["containers"] = json!([]);
    }
    let typed = PodSpec::deserialize(&written)
        .map_err(|error| Refused::new(field, format!("is not of a pod's type: {error}")))?;
    // What was read can always be written.
    let read = serde_json::to_value(&typed).unwrap_or_default();
    match lost_field(&written, &read) {
        Some(lost) => Err(Refused::new(format!("{field}{lost}"), UNKNOWN)),
        None => Ok(()),
    }
}

/// Kubernetes tells containers and volumes apart by their names.
fn check_twins(field: &str, spec: &Value) -> Result<(), Refused> {
    for lists in [&["volumes"][..], &["containers", "initContainers"]] {
        let mut seen = BTreeSet::new();
        for list in lists {
            let names = items(&spec[list]).map(|one| one["name"].as_str().unwrap_or_default());
            for name in names {
                if !seen.insert(name) {
                    let why = format!("has two entries of the name {name:?}: give each a name of its own");
                    return Err(Refused::new(format!("{field}.{list}"), why));
                }
            }
        }
    }
    Ok(())
}

fn check_env(field: &str, variables: &Value) -> Result<(), Refused> {
    for variable in items(variables).map(|variable| without_nulls(variable.clone())) {
        let field = format!("{field}[{}]", variable["name"].as_str().unwrap_or_default());
        let typed = EnvVar::deserialize(&variable)
            .map_err(|error| Refused::new(&field, format!("is not of a variable's type: {error}")))?;
        // What was read can always be written.
        let read = serde_json::to_value(&typed).unwrap_or_default();
        if let Some(lost) = lost_field(&variable, &read) {
            return Err(Refused::new(format!("{field}{lost}"), UNKNOWN));
        }
        if !typed.value.unwrap_or_default().is_empty() && typed.value_from.is_some() {
            return Err(Refused::new(field, "has both value and valueFrom: leave one out"));
        }
    }
    Ok(())
}

fn check_volume(field: &str, volume: &Value, own: &Own<'_>) -> Result<(), Refused> {
    let mut types = volume.as_object().into_iter().flatten().map(|(name, _)| name.as_str());
    if let Some(other) = types.find(|name| *name != "name" && !VOLUMES.contains(name)) {
        let why = format!("{RESTRICTED}: use one of {}", VOLUMES.join(", "));
        return Err(Refused::new(format!("{field}.{other}"), why));
    }
    if own.has_volume(&volume["name"]) {
        return Err(Refused::new(
            format!("{field}.name"),
            format!("is {}, as a volume of the operator's: use another name", volume["name"]),
        ));
    }
    Ok(())
}

/// The part's own container.
fn check_own_container(field: &str, container: &Value, own: &Own<'_>) -> Result<(), Refused> {
    for name in container.as_object().into_iter().flatten().map(|(name, _)| name.as_str()) {
        let why = match name {
            "name" | "env" | "volumeMounts" => continue,
            "image" => "is set by the operator: write `image` of the part, or the operator's values",
            "resources" => "is set by the operator: write `resources` of the part",
            _ => "is set by the operator: of this container a podTemplate may write env and volumeMounts",
        };
        return Err(Refused::new(format!("{field}.{name}"), why));
    }
    for mount in items(&container["volumeMounts"]) {
        let path = mount["mountPath"].as_str().unwrap_or_default();
        if let Some(mounted) = own.mounted_around(path) {
            return Err(Refused::new(
                format!("{field}.volumeMounts"),
                format!("has {path}, but the operator mounts a volume at {mounted}: use another path"),
            ));
        }
    }
    Ok(())
}

/// A container of the user's.
fn check_container(field: &str, container: &Value, own: &Own<'_>) -> Result<(), Refused> {
    if own.reserved.iter().chain(own.containers).any(|name| container["name"] == **name) {
        return Err(Refused::new(
            field,
            "has the name of a part's own container: use another, or write `env` for variables",
        ));
    }
    // Only the template for all stacks is checked without a pod: nothing lies below it.
    if own.pod.is_null() && container["image"].is_null() {
        return Err(Refused::new(field, "has no image: write one"));
    }
    let broken = of_security(&container["securityContext"]).map(|name| format!("securityContext.{name}"));
    match broken.or_else(|| of_network(container)) {
        Some(broken) => Err(Refused::new(format!("{field}.{broken}"), format!("{RESTRICTED}: leave it out"))),
        None => Ok(()),
    }
}
