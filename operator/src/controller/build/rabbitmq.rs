//! A broker of the stack's own, one to five nodes.

use k8s_openapi::api::{
    apps::v1::StatefulSet,
    core::v1::{ConfigMap, Service},
};
use pingstack_crd::rabbitmq::ManagedRabbitMq;
use serde_json::{Value, json};

use super::{
    Context, Error, Prepared, Resources, metadata, object, placement,
    pod::{self, DefaultResources, SERVER_UID, env, env_secret},
    pod_template, pod_volumes,
};
use crate::{
    controller::hash::ContentHash,
    names::{Part, SERVING_LABEL},
    secret_values::text,
};

mod config;

pub(super) const RESOURCES: DefaultResources =
    DefaultResources { cpu: "100m", memory: "256Mi", memory_limit: "1Gi" };

/// AMQP, management API, metrics, and between nodes: port mapper and distribution.
pub(super) const PORTS: [(&str, u16); 5] =
    [("amqp", 5672), ("management", 15672), ("prometheus", 15692), ("epmd", 4369), ("dist", 25672)];

/// Adds all of it to the stack's objects.
pub(super) fn add(
    context: &Context<'_>,
    spec: &ManagedRabbitMq,
    resources: &mut Resources<Prepared>,
) -> Result<(), Error> {
    resources.config_maps.push(config_map(context, spec)?);
    resources.services.extend([service(context)?, nodes_service(context)?]);
    resources.stateful_sets.push(stateful_set(context, spec)?);
    Ok(())
}

fn config_map(context: &Context<'_>, spec: &ManagedRabbitMq) -> Result<ConfigMap, Error> {
    let id = &context.stack.id;
    object(json!({
        "metadata": metadata(id, Part::RabbitMq, &id.part(Part::RabbitMq)),
        "data": {
            "rabbitmq.conf": config::settings(spec) + &config::nodes(id, spec.replicas),
            "advanced.config": config::ADVANCED,
            "enabled_plugins": config::PLUGINS,
            "definitions.json": config::definitions(context.secrets),
            "pre-stop": config::PRE_STOP,
        },
    }))
}

/// What clients connect to: nodes that are ready and not proven to be in another cluster.
fn service(context: &Context<'_>) -> Result<Service, Error> {
    let id = &context.stack.id;
    let mut selector = id.selector(Part::RabbitMq);
    selector.insert(SERVING_LABEL.to_owned(), "true".to_owned());
    object(json!({
        "metadata": metadata(id, Part::RabbitMq, &id.part(Part::RabbitMq)),
        "spec": {
            "selector": selector,
            "ports": service_ports(&PORTS[..3]),
        },
    }))
}

/// How nodes find each other, and how the operator asks each of them, ready or not: a node becomes ready only after it has found the others (three nodes:
/// ready in 16 s with unready addresses, never without).
fn nodes_service(context: &Context<'_>) -> Result<Service, Error> {
    let id = &context.stack.id;
    object(json!({
        "metadata": metadata(id, Part::RabbitMq, &id.broker_nodes()),
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": true,
            "selector": id.selector(Part::RabbitMq),
            "ports": service_ports(&[PORTS[1], PORTS[3], PORTS[4]]),
        },
    }))
}

fn service_ports(ports: &[(&str, u16)]) -> Value {
    let port = |(name, port): &(&str, u16)| json!({ "name": name, "port": port, "targetPort": name, "protocol": "TCP" });
    ports.iter().map(port).collect()
}

fn stateful_set(context: &Context<'_>, spec: &ManagedRabbitMq) -> Result<StatefulSet, Error> {
    let id = &context.stack.id;
    let name = context.stack.id.part(Part::RabbitMq);
    let template = json!({
        "metadata": template_metadata(context, spec),
        "spec": {
            "serviceAccountName": name,
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "securityContext": pod::pod_security(context, SERVER_UID),
            "terminationGracePeriodSeconds": 120,
            "topologySpreadConstraints": placement::spread(context, Part::RabbitMq),
            "affinity": placement::affinity(context, Part::RabbitMq),
            "containers": [container(context, spec)],
            "volumes": [
                { "name": "config", "configMap": { "name": name } },
                { "name": "home", "emptyDir": { "sizeLimit": "16Mi" } },
                { "name": "tmp", "emptyDir": { "sizeLimit": "64Mi" } },
            ],
        },
    });
    let template = pod_template::finish(context, Part::RabbitMq, template)?;
    object(json!({
        "metadata": metadata(id, Part::RabbitMq, &name),
        "spec": {
            "serviceName": id.broker_nodes(),
            "replicas": spec.replicas,
            // A queue's member on a broker that has just come back catches up before the next broker goes.
            "minReadySeconds": (spec.replicas > 1).then_some(10),
            // Nodes wait for each other: one after the other would never start.
            "podManagementPolicy": "Parallel",
            "selector": { "matchLabels": id.selector(Part::RabbitMq) },
            "persistentVolumeClaimRetentionPolicy": pod_volumes::retention(context.stack.spec.retention_policy),
            "volumeClaimTemplates": [pod_volumes::claim(&spec.storage)],
            "template": template,
        },
    }))
}

/// With the label by which the Service for clients selects a broker: a pod that starts while the operator is away is used.
fn template_metadata(context: &Context<'_>, spec: &ManagedRabbitMq) -> Value {
    let mut metadata = pod::template_metadata(context, Part::RabbitMq, &config_hash(context, spec));
    metadata["labels"][SERVING_LABEL] = json!("true");
    metadata
}

/// Without the list of nodes: it matters only when a node starts for the first time, and growing from one broker to
/// three must not restart the one that holds the mail.
fn config_hash(context: &Context<'_>, spec: &ManagedRabbitMq) -> String {
    let cookie = context.secrets.broker.as_ref().map(|secret| text(secret, "erlang-cookie"));
    ContentHash::default()
        .bytes(config::settings(spec))
        .bytes(config::ADVANCED)
        .bytes(config::PLUGINS)
        .bytes(config::definitions(context.secrets))
        .bytes(config::PRE_STOP)
        .bytes(cookie.unwrap_or_default())
        .finish()
}

fn container(context: &Context<'_>, spec: &ManagedRabbitMq) -> Value {
    let id = &context.stack.id;
    let port = |(name, port): &(&str, u16)| json!({ "name": name, "containerPort": port, "protocol": "TCP" });
    json!({
        "name": "rabbitmq",
        "image": context.platform.images.rabbitmq,
        "imagePullPolicy": context.platform.image_pull_policy,
        "command": ["rabbitmq-server"],
        "env": [
            { "name": "POD_NAME", "valueFrom": { "fieldRef": { "fieldPath": "metadata.name" } } },
            env("RABBITMQ_USE_LONGNAME", true),
            // `StackId::broker_node`, which the operator asks for.
            env("RABBITMQ_NODENAME", format!("rabbit@$(POD_NAME).{}.{}", id.broker_nodes(), id.namespace)),
            env_secret("RABBITMQ_ERLANG_COOKIE", &id.part(Part::RabbitMq), "erlang-cookie"),
            // Not on the volume: the kubelet makes a cookie file there group-readable, and Erlang refuses that.
            env("HOME", "/var/lib/rabbitmq-home"),
            env("RABBITMQ_MNESIA_BASE", "/var/lib/rabbitmq/mnesia"),
            env("RABBITMQ_LOGS", "-"),
            env("RABBITMQ_CONFIG_FILE", "/etc/rabbitmq-config/rabbitmq.conf"),
            env("RABBITMQ_ADVANCED_CONFIG_FILE", "/etc/rabbitmq-config/advanced.config"),
            env("RABBITMQ_ENABLED_PLUGINS_FILE", "/etc/rabbitmq-config/enabled_plugins"),
        ],
        "ports": PORTS.iter().map(port).collect::<Vec<_>>(),
        // Not a command of the broker's: one that waits for the cluster keeps the cluster from forming.
        "readinessProbe": {
            "tcpSocket": { "port": "amqp" }, "periodSeconds": 5, "timeoutSeconds": 3, "failureThreshold": 3,
        },
        "lifecycle": { "preStop": { "exec": { "command": ["bash", "/etc/rabbitmq-config/pre-stop"] } } },
        "resources": pod::resources(&spec.resources, RESOURCES),
        "securityContext": pod::container_security(),
        "volumeMounts": [
            { "name": "data", "mountPath": "/var/lib/rabbitmq" },
            { "name": "home", "mountPath": "/var/lib/rabbitmq-home" },
            { "name": "tmp", "mountPath": "/tmp" },
            { "name": "config", "mountPath": "/etc/rabbitmq-config", "readOnly": true },
        ],
    })
}
