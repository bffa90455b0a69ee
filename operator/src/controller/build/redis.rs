//! A Redis of the stack's own: append-only file, nothing evicted, ACL users with what they need.

use k8s_openapi::api::{
    apps::v1::StatefulSet,
    core::v1::{ConfigMap, Service},
};
use ping_contract::redis_users;
use pingstack_crd::redis::ManagedRedis;
use serde_json::json;

use super::{
    Context, Error, Prepared, Resources, metadata, object,
    pod::{self, DefaultResources, SERVER_UID},
    pod_template,
    quantity::Quantity,
};
use crate::{
    controller::hash::ContentHash,
    names::Part,
    secret_values::{password_key, text},
};

const RESOURCES: DefaultResources = DefaultResources { cpu: "50m", memory: "64Mi", memory_limit: "512Mi" };

/// Adds all of it to the stack's objects.
pub(super) fn add(
    context: &Context<'_>,
    spec: &ManagedRedis,
    resources: &mut Resources<Prepared>,
) -> Result<(), Error> {
    let config_map = config_map(context, spec)?;
    resources.stateful_sets.push(stateful_set(context, spec, &config_map)?);
    resources.config_maps.push(config_map);
    resources.services.push(service(context)?);
    Ok(())
}

fn config_map(context: &Context<'_>, spec: &ManagedRedis) -> Result<ConfigMap, Error> {
    let id = &context.stack.id;
    object(json!({
        "metadata": metadata(id, Part::Redis, &id.part(Part::Redis)),
        "data": { "redis.conf": redis_conf(spec), "users.acl": users_acl(context) },
    }))
}

/// `noeviction`: a code that vanishes is a person who cannot sign in, an error is a 503.
fn redis_conf(spec: &ManagedRedis) -> String {
    let limit =
        Quantity::parse(&pod::memory_limit(&spec.resources, RESOURCES)).map_or(512 << 20, Quantity::units);
    // The other half is for the copy that rewriting the append-only file makes.
    let data = limit / 2;
    format!(
        "bind * -::*\nport 6379\nprotected-mode no\ndir /data\nappendonly yes\nappendfsync everysec\nsave \"\"\n\
         maxmemory {data}\nmaxmemory-policy noeviction\naclfile /etc/redis/users.acl\n"
    )
}

/// The users, each with its password from the stack's Secret.
fn users_acl(context: &Context<'_>) -> String {
    let secret = context.secrets.redis.as_ref();
    let password = |user: &str| secret.map(|secret| text(secret, &password_key(user)));
    redis_users::acl_file(|user| password(user).unwrap_or_default())
}

fn service(context: &Context<'_>) -> Result<Service, Error> {
    let id = &context.stack.id;
    object(json!({
        "metadata": metadata(id, Part::Redis, &id.part(Part::Redis)),
        "spec": {
            "selector": id.selector(Part::Redis),
            "ports": [{ "name": "redis", "port": 6379, "targetPort": "redis", "protocol": "TCP" }],
        },
    }))
}

fn stateful_set(
    context: &Context<'_>,
    spec: &ManagedRedis,
    config: &ConfigMap,
) -> Result<StatefulSet, Error> {
    let id = &context.stack.id;
    let name = context.stack.id.part(Part::Redis);
    let hash = ContentHash::default().texts(&config.data.clone().unwrap_or_default()).finish();
    let template = json!({
        "metadata": pod::template_metadata(context, Part::Redis, &hash),
        "spec": {
            "serviceAccountName": name,
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "securityContext": pod::pod_security(context, SERVER_UID),
            "terminationGracePeriodSeconds": 30,
            "containers": [container(context, spec, &name)],
            "volumes": [{ "name": "config", "configMap": { "name": name } }],
        },
    });
    let template = pod_template::finish(context, Part::Redis, template)?;
    object(json!({
        "metadata": metadata(id, Part::Redis, &name),
        "spec": {
            "serviceName": name,
            "replicas": 1,
            "selector": { "matchLabels": id.selector(Part::Redis) },
            "persistentVolumeClaimRetentionPolicy": super::pod_volumes::retention(context.stack.spec.retention_policy),
            "volumeClaimTemplates": [super::pod_volumes::claim(&spec.storage)],
            "template": template,
        },
    }))
}

fn container(context: &Context<'_>, spec: &ManagedRedis, secret: &str) -> serde_json::Value {
    // A port that is open says nothing: while the append-only file is read Redis answers LOADING.
    let ping = "[ \"$(redis-cli -h 127.0.0.1 --user probe ping)\" = PONG ]";
    json!({
        "name": "redis",
        "image": context.platform.images.redis,
        "imagePullPolicy": context.platform.image_pull_policy,
        "command": ["redis-server", "/etc/redis/redis.conf"],
        "env": [pod::env_secret("REDISCLI_AUTH", secret, &password_key(redis_users::PROBE))],
        "ports": [{ "name": "redis", "containerPort": 6379, "protocol": "TCP" }],
        "readinessProbe": {
            "exec": { "command": ["sh", "-c", ping] },
            "periodSeconds": 5, "timeoutSeconds": 5, "failureThreshold": 3,
        },
        "resources": pod::resources(&spec.resources, RESOURCES),
        "securityContext": pod::container_security(),
        "volumeMounts": [
            { "name": "data", "mountPath": "/data" },
            { "name": "config", "mountPath": "/etc/redis", "readOnly": true },
        ],
    })
}
