//! What all pods have in common: the `restricted` security settings, resources, probes.

use pingstack_crd::references::{Amounts, Resources};
use serde_json::{Value, json};

use super::{Context, quantity::is_less};
use crate::names::{CONFIG_HASH_ANNOTATION, Part};

/// The uid of our own images.
pub(super) const SERVICE_UID: i64 = 65532;

/// The uid of the Redis and RabbitMQ images, upstream's and Debian's alike.
pub(super) const SERVER_UID: i64 = 999;

/// The memory that a pod may use, and reserves, where the spec does not say.
#[derive(Debug, Clone, Copy)]
pub(super) struct DefaultResources {
    /// CPU that is reserved.
    pub cpu: &'static str,
    /// Memory that is reserved.
    pub memory: &'static str,
    /// Memory at most. CPU has no limit: throttled probes restart healthy pods.
    pub memory_limit: &'static str,
}

/// The resources of a container: the spec's, else the defaults. The API server refuses a request above its limit, so a default
/// gives way to what the spec says of the other.
pub(super) fn resources(spec: &Resources, default: DefaultResources) -> Value {
    let requests = spec.requests.clone().unwrap_or_default();
    let limits = spec.limits.clone().unwrap_or_default();
    let memory_limit = memory_limit(spec, default);
    let at_most = |default: &str, limit: Option<&str>| match limit {
        Some(limit) if is_less(limit, default) => limit.to_owned(),
        _ => default.to_owned(),
    };
    let cpu = requests.cpu.unwrap_or_else(|| at_most(default.cpu, limits.cpu.as_deref()));
    let memory = requests.memory.unwrap_or_else(|| at_most(default.memory, Some(&memory_limit)));
    json!({
        "requests": { "cpu": cpu, "memory": memory },
        "limits": { "cpu": limits.cpu, "memory": memory_limit },
    })
}

/// The most memory of a container.
pub(super) fn memory_limit(spec: &Resources, default: DefaultResources) -> String {
    let of = |amounts: &Option<Amounts>| amounts.as_ref().and_then(|amounts| amounts.memory.clone());
    match (of(&spec.limits), of(&spec.requests)) {
        (Some(limit), _) => limit,
        (None, Some(request)) if is_less(default.memory_limit, &request) => request,
        (None, _) => default.memory_limit.to_owned(),
    }
}

/// A container's security settings under the Pod Security Standard `restricted`.
pub(super) fn container_security() -> Value {
    json!({
        "allowPrivilegeEscalation": false,
        "readOnlyRootFilesystem": true,
        "capabilities": { "drop": ["ALL"] },
    })
}

/// A pod's security settings under `restricted`; the volumes belong to its group. Where the cluster gives out users and
/// groups, a pod that names some is not admitted.
pub(super) fn pod_security(context: &Context<'_>, uid: i64) -> Value {
    let uid = (!context.leaves_users_out()).then_some(uid);
    json!({
        "runAsNonRoot": true,
        "runAsUser": uid,
        "runAsGroup": uid,
        "fsGroup": uid,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": { "type": "RuntimeDefault" },
    })
}

/// Labels and configuration hash of a pod template.
pub(super) fn template_metadata(context: &Context<'_>, part: Part, hash: &str) -> Value {
    json!({
        "labels": context.stack.id.labels(part),
        "annotations": { CONFIG_HASH_ANNOTATION: hash },
    })
}

/// A probe of the management port.
pub(super) fn management_probe(path: &str, period: i32) -> Value {
    json!({
        "httpGet": { "path": path, "port": "management" },
        "periodSeconds": period,
        "timeoutSeconds": 3,
        "failureThreshold": 3,
    })
}

/// An environment variable with a plain value.
pub(super) fn env(name: &str, value: impl std::fmt::Display) -> Value {
    json!({ "name": name, "value": value.to_string() })
}

/// An environment variable from a Secret's key.
pub(super) fn env_secret(name: &str, secret: &str, key: &str) -> Value {
    json!({ "name": name, "valueFrom": { "secretKeyRef": { "name": secret, "key": key } } })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{DefaultResources, memory_limit, resources};

    const DEFAULT: DefaultResources = DefaultResources { cpu: "50m", memory: "64Mi", memory_limit: "256Mi" };

    /// What a container gets for this block of a spec: CPU and memory, requested and at most.
    fn built(spec: Value) -> Value {
        let built = resources(&serde_json::from_value(spec).unwrap(), DEFAULT);
        let (requests, limits) = (&built["requests"], &built["limits"]);
        json!([requests["cpu"], requests["memory"], limits["cpu"], limits["memory"]])
    }

    #[test]
    fn defaults_give_way_to_what_the_spec_says() {
        for (spec, expected) in [
            (json!({}), json!(["50m", "64Mi", null, "256Mi"])),
            (json!({ "limits": { "cpu": "40m" } }), json!(["40m", "64Mi", "40m", "256Mi"])),
            (json!({ "limits": { "cpu": "0.04" } }), json!(["0.04", "64Mi", "0.04", "256Mi"])),
            (json!({ "limits": { "cpu": "2" } }), json!(["50m", "64Mi", "2", "256Mi"])),
            (json!({ "limits": { "memory": "32Mi" } }), json!(["50m", "32Mi", null, "32Mi"])),
            (json!({ "requests": { "memory": "0.5Gi" } }), json!(["50m", "0.5Gi", null, "0.5Gi"])),
            (json!({ "requests": { "memory": "128Mi" } }), json!(["50m", "128Mi", null, "256Mi"])),
            (
                json!({ "requests": { "cpu": "1", "memory": "1G" }, "limits": { "cpu": "1500m", "memory": "1.5Gi" } }),
                json!(["1", "1G", "1500m", "1.5Gi"]),
            ),
        ] {
            assert_eq!(built(spec.clone()), expected, "{spec}");
        }
    }

    #[test]
    fn a_server_is_configured_for_the_memory_that_it_may_use() {
        let of = |spec: Value| memory_limit(&serde_json::from_value(spec).unwrap(), DEFAULT);
        assert_eq!(of(json!({ "requests": { "memory": "2Gi" } })), "2Gi");
        assert_eq!(of(json!({ "requests": { "memory": "2Gi" }, "limits": { "memory": "3Gi" } })), "3Gi");
    }
}
