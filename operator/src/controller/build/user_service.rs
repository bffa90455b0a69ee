//! The HTTP service that makes and checks codes.

use k8s_openapi::api::{apps::v1::Deployment, autoscaling::v2::HorizontalPodAutoscaler, core::v1::Service};
use serde_json::{Value, json};

use super::{
    Context, Error,
    connections::{self, reference_hash},
    mail_sealing, metadata, object, placement,
    pod::{self, DefaultResources, SERVICE_UID, env, env_secret},
    pod_template, traces,
};
use crate::{
    autoscaling::{hpa, replicas},
    controller::{
        hash::ContentHash,
        secrets::rotation::{NEXT_SIGNING_KEY, PEPPER, Peppers, SIGNING_KEY},
        validate::ValidatedStack,
    },
    names::{Part, REPLICAS_ANNOTATION},
    secret_values::text,
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
    let stack = context.stack;
    let id = &context.stack.id;
    let name = id.part(Part::UserService);
    let mut connections = connections::of(context, Part::UserService);
    mail_sealing::add_seal_key(context, &mut connections);
    if let Some((volume, mount)) = signing_keys(context) {
        connections.volumes.push(volume);
        connections.mounts.push(mount);
    }
    let (secret_env, hash) = secret_env(context, connections.hash.clone());
    let env = [connections.env.clone(), secret_env, login_env(context), traces::env(context)].concat();
    let template = json!({
        "metadata": pod::template_metadata(context, Part::UserService, &hash.finish()),
        "spec": {
            "serviceAccountName": name,
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "securityContext": pod::pod_security(context, SERVICE_UID),
            "terminationGracePeriodSeconds": 40,
            "topologySpreadConstraints": placement::spread(context, Part::UserService),
            "affinity": placement::affinity(context, Part::UserService),
            "containers": [container(context, &env, &connections.mounts)],
            "volumes": connections.volumes,
        },
    });
    let template = pod_template::finish(context, Part::UserService, template)?;
    let mut metadata = metadata(id, Part::UserService, &name);
    metadata["annotations"] = json!({ REPLICAS_ANNOTATION: replicas::annotation(&stack.spec.user_service) });
    object(json!({
        "metadata": metadata,
        "spec": {
            // Only a new Deployment is applied with it: `autoscaling::replicas`.
            "replicas": replicas::Scaling::of_user_service(&stack.spec.user_service).first,
            "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxUnavailable": 0, "maxSurge": 1 } },
            "selector": { "matchLabels": id.selector(Part::UserService) },
            "template": template,
        },
    }))
}

/// What sets their number, where the spec asks for it.
pub(super) fn autoscaler(stack: &ValidatedStack) -> Result<Option<HorizontalPodAutoscaler>, Error> {
    let spec = stack.spec.user_service.autoscaling.as_ref();
    spec.map(|spec| object(hpa::of_user_service(&stack.id, spec))).transpose()
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
    let (mut env, hash) = peppers(context, hash);
    let user_ids = &context.secrets.user_ids;
    env.push(env_secret("USER_ID_SECRET", &user_ids.reference.name, &user_ids.reference.key));
    let mut hash = hash.bytes(&user_ids.value.0);
    if let Some(mongo) = &spec.users.mongo_uri_secret_ref {
        env.push(env_secret("MONGO_URI", &mongo.name, &mongo.key));
        hash = reference_hash(context, &mongo.name, hash);
    }
    if let Some(database) = &spec.users.database {
        env.push(pod::env("MONGO_DATABASE", database));
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

/// The peppers in use, the current one first.
fn peppers(context: &Context<'_>, mut hash: ContentHash) -> (Vec<Value>, ContentHash) {
    let secret = &context.secrets.user_service;
    let own = context.stack.id.part(Part::UserService);
    let mut variables = Vec::new();
    let mut entries = Vec::new();
    for (number, key) in Peppers::of(secret).in_order() {
        let variable = if key == PEPPER { "OTP_PEPPER" } else { "OTP_PEPPER_NEXT" };
        variables.push(env_secret(variable, &own, key));
        entries.push(format!("{number}:$({variable})"));
        hash = hash.bytes(text(secret, key));
    }
    variables.push(env("OTP_PEPPERS", entries.join(",")));
    (variables, hash)
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
    let mount = json!({ "name": "signing-keys", "mountPath": SIGNING_KEYS, "readOnly": true });
    if let Some(keys) = &tokens.signing_key_secret_ref {
        return Some((json!({ "name": "signing-keys", "secret": { "secretName": keys.name } }), mount));
    }
    let own = context.stack.id.part(Part::UserService);
    let source = |key: &str, optional: Option<bool>| {
        let items = [json!({ "key": key, "path": key })];
        json!({ "secret": { "name": own, "items": items, "optional": optional } })
    };
    // The second key is there during a rotation.
    let sources = [source(SIGNING_KEY, None), source(NEXT_SIGNING_KEY, Some(true))];
    Some((json!({ "name": "signing-keys", "projected": { "sources": sources } }), mount))
}

/// `spec.login` in the service's own names.
fn login_env(context: &Context<'_>) -> Vec<Value> {
    let login = &context.stack.spec.login;
    let limits = &context.stack.spec.login.limits;
    let service = &context.stack.spec.user_service;
    let authz = &context.stack.spec.authz;
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
        env("REQUIRE_CHALLENGE", login.require_challenge),
        env("AUTHZ_CHECK_SESSION", authz.check_session),
        env("LIST_USERS", service.list_users),
        env("AUDIT_LOG", service.audit_log),
        env("IDLE_TIMEOUT", format!("{}s", service.idle_timeout_seconds)),
        env("LOG_FORMAT", "json"),
    ];
    // The API server has checked that these are allowed. An object that is older than the rule goes on as it is.
    let beyond = [
        ("ALLOW_LONG_CODE_TTL", login.code_ttl_seconds > 600),
        ("ALLOW_MANY_ATTEMPTS", login.max_attempts > 10),
    ];
    variables.extend(beyond.into_iter().filter(|(_, needed)| *needed).map(|(name, _)| env(name, true)));
    // An empty list would be read as one empty entry.
    let lists = [
        ("TRUSTED_PROXIES", &login.trusted_proxies),
        ("ALLOWED_ORIGINS", &login.allowed_origins),
        ("ALLOWED_HEADERS", &login.allowed_headers),
    ];
    let given = lists.into_iter().filter(|(_, list)| !list.is_empty());
    variables.extend(given.map(|(name, list)| env(name, list.join(","))));
    variables
}
