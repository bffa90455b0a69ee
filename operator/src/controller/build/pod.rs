//! What all pods have in common: the `restricted` security settings, resources, probes.

use serde_json::{Value, json};

use super::Context;
use crate::{
    crd::references::{Amounts, Resources},
    names::{CONFIG_HASH_ANNOTATION, Part},
};

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

/// The resources of a container: the spec's, else the defaults.
pub(super) fn resources(spec: &Resources, default: DefaultResources) -> Value {
    let requests = spec.requests.clone().unwrap_or_default();
    let limits = spec.limits.clone().unwrap_or_default();
    let memory_limit = memory_limit(spec, default);
    // A reservation above the limit is refused by the API server.
    let below = |text: &str| super::quantity::bytes(text) <= super::quantity::bytes(&memory_limit);
    let reserved = if below(default.memory) { default.memory.to_owned() } else { memory_limit.clone() };
    json!({
        "requests": amounts(requests, default.cpu, &reserved),
        "limits": { "cpu": limits.cpu, "memory": memory_limit },
    })
}

/// The most memory of a container.
pub(super) fn memory_limit(spec: &Resources, default: DefaultResources) -> String {
    let limit = spec.limits.as_ref().and_then(|limits| limits.memory.clone());
    limit.unwrap_or_else(|| default.memory_limit.to_owned())
}

fn amounts(amounts: Amounts, cpu: &str, memory: &str) -> Value {
    json!({
        "cpu": amounts.cpu.unwrap_or_else(|| cpu.to_owned()),
        "memory": amounts.memory.unwrap_or_else(|| memory.to_owned()),
    })
}

/// A container's security settings under the Pod Security Standard `restricted`.
pub(super) fn container_security() -> Value {
    json!({
        "allowPrivilegeEscalation": false,
        "readOnlyRootFilesystem": true,
        "capabilities": { "drop": ["ALL"] },
    })
}

/// A pod's security settings under `restricted`; the volumes belong to its group.
pub(super) fn pod_security(uid: i64) -> Value {
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
