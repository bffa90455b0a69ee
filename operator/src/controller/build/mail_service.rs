//! The service that delivers mails.

use k8s_openapi::api::{apps::v1::Deployment, autoscaling::v2::HorizontalPodAutoscaler};
use serde_json::{Value, json};

use super::{
    Context, Error, branding, connections, mail_sealing, metadata, object, placement,
    pod::{self, DefaultResources, SERVICE_UID, env},
    pod_template, synthetic_login, traces,
};
use crate::{autoscaling::hpa, controller::validate::ValidatedStack, names::Part};

pub(super) const RESOURCES: DefaultResources =
    DefaultResources { cpu: "50m", memory: "32Mi", memory_limit: "256Mi" };

/// Probes and metrics; nothing else listens.
pub(super) const MANAGEMENT_PORT: u16 = 5002;

/// Seconds that mails in work get to finish: longer than the 90 s that one may take as a whole.
const DRAIN_SECONDS: i32 = 95;

/// The kernel drops a SIGTERM for a first process that has no handler yet: a pod that was told to stop in its first
/// second consumed on until it was killed (seen).
const SETTLE_SECONDS: i32 = 2;

/// The pods.
pub(super) fn deployment(context: &Context<'_>) -> Result<Deployment, Error> {
    let stack = context.stack;
    let id = &context.stack.id;
    let name = id.part(Part::MailService);
    let mut connections = connections::of(context, Part::MailService);
    connections::add_mail_server(context, &mut connections);
    mail_sealing::add_open_keys(context, &mut connections);
    branding::add(context, &mut connections);
    let sink = synthetic_login::env(context).into_iter().collect();
    let env = [connections.env, mail_env(context), sink, traces::env(context)].concat();
    let template = json!({
        "metadata": pod::template_metadata(context, Part::MailService, &connections.hash.finish()),
        "spec": {
            "serviceAccountName": name,
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "securityContext": pod::pod_security(context, SERVICE_UID),
            "terminationGracePeriodSeconds": SETTLE_SECONDS + DRAIN_SECONDS + 5,
            "topologySpreadConstraints": placement::spread(context, Part::MailService),
            "affinity": placement::affinity(context, Part::MailService),
            "containers": [container(context, &env, &connections.mounts)],
            "volumes": connections.volumes,
        },
    });
    let template = pod_template::finish(context, Part::MailService, template)?;
    object(json!({
        "metadata": metadata(id, Part::MailService, &name),
        "spec": {
            // Only a new Deployment is applied with it: `autoscaling::replicas`.
            "replicas": stack.spec.mail_service.autoscaling.min_replicas,
            "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxUnavailable": 0, "maxSurge": 1 } },
            "selector": { "matchLabels": id.selector(Part::MailService) },
            "template": template,
        },
    }))
}

/// What sets their number, unless nobody shall, or the operator does.
pub(super) fn autoscaler(stack: &ValidatedStack) -> Result<Option<HorizontalPodAutoscaler>, Error> {
    hpa::manifest(&stack.id, &stack.spec.mail_service.autoscaling, stack.route).map(object).transpose()
}

fn container(context: &Context<'_>, env: &[Value], mounts: &[Value]) -> Value {
    let spec = &context.stack.spec.mail_service;
    json!({
        "name": "mail-service",
        "image": spec.image.as_ref().unwrap_or(&context.platform.images.mail_service),
        "imagePullPolicy": context.platform.image_pull_policy,
        "env": env,
        "ports": [{ "name": "management", "containerPort": MANAGEMENT_PORT, "protocol": "TCP" }],
        "readinessProbe": pod::management_probe("/readyz", 5),
        "livenessProbe": pod::management_probe("/livez", 10),
        "resources": pod::resources(&spec.resources, RESOURCES),
        "securityContext": pod::container_security(),
        "lifecycle": { "preStop": { "sleep": { "seconds": SETTLE_SECONDS } } },
        "volumeMounts": mounts,
    })
}

fn mail_env(context: &Context<'_>) -> Vec<Value> {
    let spec = &context.stack.spec;
    vec![
        env("MANAGEMENT_PORT", MANAGEMENT_PORT),
        env("MAIL_CONCURRENCY", spec.mail_service.concurrency),
        env("CODE_TTL_SECONDS", spec.login.code_ttl_seconds),
        env("SHUTDOWN_GRACE", format!("{DRAIN_SECONDS}s")),
        env("LOG_FORMAT", "json"),
    ]
}
