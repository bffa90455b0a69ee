//! The HTTP service that makes and checks codes.

use k8s_openapi::api::{apps::v1::Deployment, core::v1::Service};
use serde_json::{Value, json};

use super::{
    Context, Error,
    connections::{self, reference_hash},
    metadata, object, placement,
    pod::{self, DefaultResources, SERVICE_UID, env, env_secret},
};
use crate::{
    controller::{hash::ContentHash, secrets::text},
    names::Part,
};

const RESOURCES: DefaultResources = DefaultResources { cpu: "50m", memory: "32Mi", memory_limit: "256Mi" };

/// The API, and the port of probes and metrics: in the pods.
pub(super) const PORTS: [(&str, u16); 2] = [("http", 5000), ("management", 5001)];

/// The same in the Service: clients need no port in the URL.
const SERVICE_PORTS: [(&str, u16); 2] = [("http", 80), ("management", 5001)];

/// Seconds that a pod goes on serving after it was told to stop: until every proxy has heard that it leaves.
const LEAVE_SECONDS: i32 = 5;

/// Where signing keys are mounted.
const SIGNING_KEYS: &str = "/etc/ping/signing-keys";

/// What clients call.
pub(super) fn service(context: &Context<'_>) -> Result<Service, Error> {
    let id = &context.stack.id;
    let port = |(name, port): &(&str, u16)| json!({ "name": name, "port": port, "targetPort": name, "protocol": "TCP" });
    object(json!({
        "metadata": metadata(id, Part::UserService, &id.part(Part::UserService)),
        "spec": {
            "selector": id.selector(Part::UserService),
            "ports": SERVICE_PORTS.iter().map(port).collect::<Vec<_>>(),
        },
    }))
}

/// The pods. A new one is ready before an old one leaves.
pub(super) fn deployment(context: &Context<'_>) -> Result<Deployment, Error> {
    let (stack, id) = (context.stack, &context.stack.id);
    let name = id.part(Part::UserService);
    let mut connections = connections::of(context, Part::UserService);
    if let Some((volume, mount)) = signing_keys(context) {
        connections.volumes.push(volume);
        connections.mounts.push(mount);
    }
    let (secret_env, hash) = secret_env(context, connections.hash.clone());
    let env = [connections.env.clone(), secret_env, login_env(context)].concat();
    object(json!({
        "metadata": metadata(id, Part::UserService, &name),
        "spec": {
            "replicas": stack.spec.user_service.replicas,
            "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxUnavailable": 0, "maxSurge": 1 } },
            "selector": { "matchLabels": id.selector(Part::UserService) },
            "template": {
                "metadata": pod::template_metadata(context, Part::UserService, &hash.finish()),
                "spec": {
                    "serviceAccountName": name,
                    "automountServiceAccountToken": false,
                    "enableServiceLinks": false,
                    "securityContext": pod::pod_security(SERVICE_UID),
                    "terminationGracePeriodSeconds": 40,
                    "topologySpreadConstraints": placement::spread(context, Part::UserService),
                    "affinity": placement::affinity(context, Part::UserService),
                    "containers": [container(context, &env, &connections.mounts)],
                    "volumes": connections.volumes,
                },
            },
        },
    }))
}

fn container(context: &Context<'_>, env: &[Value], mounts: &[Value]) -> Value {
    let spec = &context.stack.spec.user_service;
    let port = |(name, port): &(&str, u16)| json!({ "name": name, "containerPort": port, "protocol": "TCP" });
    json!({
        "name": "user-service",
        "image": spec.image.as_ref().unwrap_or(&context.platform.images.user_service),
        "imagePullPolicy": context.platform.image_pull_policy,
        "env": env,
        "ports": PORTS.iter().map(port).collect::<Vec<_>>(),
        "readinessProbe": pod::management_probe("/readyz", 2),
        "livenessProbe": pod::management_probe("/livez", 10),
        "lifecycle": { "preStop": { "sleep": { "seconds": LEAVE_SECONDS } } },
        "resources": pod::resources(&spec.resources, RESOURCES),
        "securityContext": pod::container_security(),
        "volumeMounts": mounts,
    })
}

/// Keys and secrets, and their hash.
fn secret_env(context: &Context<'_>, hash: ContentHash) -> (Vec<Value>, ContentHash) {
    let spec = &context.stack.spec;
    let own = context.stack.id.part(Part::UserService);
    let own_value = |key: &str| text(&context.secrets.user_service, key);
    let mut env = vec![
        env_secret("OTP_PEPPER", &own, "otp-pepper"),
        env("OTP_PEPPERS", "1:$(OTP_PEPPER)"),
        env_secret("USER_ID_SECRET", &own, "user-id-secret"),
    ];
    let mut hash = hash.bytes(own_value("otp-pepper")).bytes(own_value("user-id-secret"));
    if let Some(mongo) = &spec.users.mongo_uri_secret_ref {
        env.push(env_secret("MONGO_URI", &mongo.name, &mongo.key));
        hash = reference_hash(context, &mongo.name, hash);
    }
    if let Some(jwt) = &spec.tokens.jwt_secret_ref {
        env.push(env_secret("JWT_SECRET", &jwt.name, &jwt.key));
        return (env, reference_hash(context, &jwt.name, hash));
    }
    env.extend([
        pod::env("TOKEN_SIGNING_KEYS_DIR", SIGNING_KEYS),
        pod::env("TOKEN_ISSUER", issuer(context)),
        pod::env("TOKEN_AUDIENCE", &spec.tokens.audience),
        pod::env("ACCESS_TTL_SECONDS", spec.tokens.access_ttl_seconds),
    ]);
    (env, hash)
}

/// Who the tokens say they are from.
fn issuer(context: &Context<'_>) -> String {
    let spec = &context.stack.spec;
    let host = spec.user_service.ingress.as_ref().map(|ingress| format!("https://{}", ingress.host));
    let service =
        || format!("http://{}.{}.svc", context.stack.id.part(Part::UserService), context.stack.id.namespace);
    spec.tokens.issuer.clone().or(host).unwrap_or_else(service)
}

/// The folder of signing keys: volume and mount. Its content is not in the hash: the service reads it again by itself.
fn signing_keys(context: &Context<'_>) -> Option<(Value, Value)> {
    let tokens = &context.stack.spec.tokens;
    if tokens.jwt_secret_ref.is_some() {
        return None;
    }
    let secret = match &tokens.signing_key_secret_ref {
        Some(keys) => json!({ "secretName": keys.name }),
        None => json!({
            "secretName": context.stack.id.part(Part::UserService),
            "items": [{ "key": "signing-key.pem", "path": "signing-key.pem" }],
        }),
    };
    let mount = json!({ "name": "signing-keys", "mountPath": SIGNING_KEYS, "readOnly": true });
    Some((json!({ "name": "signing-keys", "secret": secret }), mount))
}

/// `spec.login` in the service's own names.
fn login_env(context: &Context<'_>) -> Vec<Value> {
    let (login, limits) = (&context.stack.spec.login, &context.stack.spec.login.limits);
    let mut variables = vec![
        env("PORT", PORTS[0].1),
        env("MANAGEMENT_PORT", PORTS[1].1),
        env("CODE_TTL_SECONDS", login.code_ttl_seconds),
        env("LOGIN_RESEND_AFTER_SECONDS", login.resend_after_seconds),
        env("LOGIN_MAX_ATTEMPTS", login.max_attempts),
        env("LOGIN_PER_ADDRESS", limits.codes_per_address),
        env("LOGIN_PER_ADDRESS_A_DAY", limits.codes_per_address_per_day),
        env("LOGIN_PER_IP", limits.logins_per_client),
        env("LOGIN_WRONG_PER_IP", limits.wrong_codes_per_client),
        env("LOGIN_WRONG_A_DAY", limits.wrong_codes_per_address_per_day),
        env("LOG_FORMAT", "json"),
    ];
    // An empty list would be read as one empty entry.
    let lists = [("TRUSTED_PROXIES", &login.trusted_proxies), ("ALLOWED_ORIGINS", &login.allowed_origins)];
    let given = lists.into_iter().filter(|(_, list)| !list.is_empty());
    variables.extend(given.map(|(name, list)| env(name, list.join(","))));
    variables
}
