//! Who may open connections to whom. Everything that is not listed is refused, in and out.
//!
//! | to | from | port |
//! |---|---|---|
//! | Redis | both services | 6379 |
//! | broker | both services | 5672 |
//! | broker | operator | 15672 |
//! | broker | Prometheus' namespace | 15692 |
//! | broker | broker, and the pod that lets brokers forget one | 4369, 25672 |
//! | user-service | the stack's namespace; with an Ingress the namespace of its controller, and the trusted proxies | 5000 |
//! | user-service, with synthetic sign-ins | operator | 5000 |
//! | operator, with synthetic sign-ins | mail-service | that of its sink |
//! | both services | operator, Prometheus' namespace | their management port |
//! | DNS, the mail server, the collector of traces, and what is external | who needs it | theirs |
//!
//! The pod of a test mail reaches DNS and the mail server, and nobody reaches it.

use k8s_openapi::api::networking::v1::NetworkPolicy;
use serde_json::{Value, json};

use super::{Context, Error, mail_service, metadata, object, parts, synthetic_login, traces, user_service};
use crate::{
    controller::validate::{BrokerTarget, RedisTarget},
    names::{MANAGER, Part},
};

const NAMESPACE_LABEL: &str = "kubernetes.io/metadata.name";

pub(super) fn build(context: &Context<'_>) -> Result<Vec<NetworkPolicy>, Error> {
    if !context.stack.spec.network_policy.enabled {
        return Ok(Vec::new());
    }
    let policies = parts(context.stack).into_iter().map(|part| policy(context, part));
    let repair = is_cluster(context).then(|| broker_repair_policy(context));
    let wants_test_mail = context.stack.spec.smtp.test_recipient.is_some();
    policies.chain(repair).chain(wants_test_mail.then(|| test_mail_policy(context))).collect()
}

/// Whether the stack has several brokers.
fn is_cluster(context: &Context<'_>) -> bool {
    matches!(&context.stack.broker, BrokerTarget::Managed(spec) if spec.replicas > 1)
}

fn broker_repair_policy(context: &Context<'_>) -> Result<NetworkPolicy, Error> {
    let id = &context.stack.id;
    object(json!({
        "metadata": metadata(id, Part::RabbitMq, &id.broker_repair()),
        "spec": {
            "podSelector": { "matchLabels": id.broker_repair_selector() },
            "policyTypes": ["Ingress", "Egress"],
            "egress": broker_egress(context),
        },
    }))
}

fn policy(context: &Context<'_>, part: Part) -> Result<NetworkPolicy, Error> {
    let id = &context.stack.id;
    let (ingress, egress) = match part {
        Part::Redis => (vec![from(&services(context), &[6379])], Vec::new()),
        Part::RabbitMq => (broker_ingress(context), broker_egress(context)),
        Part::UserService => (user_service_ingress(context), user_service_egress(context)),
        Part::MailService => {
            let ingress = management(context, mail_service::MANAGEMENT_PORT);
            let sink = synthetic_login::sink(context).map(|sink| to(&operator(context), &[sink.port]));
            (ingress, [backends(context), vec![mail_server(context)], sink.into_iter().collect()].concat())
        }
    };
    object(json!({
        "metadata": metadata(id, part, &id.part(part)),
        "spec": {
            "podSelector": { "matchLabels": id.selector(part) },
            "policyTypes": ["Ingress", "Egress"],
            "ingress": ingress,
            "egress": egress,
        },
    }))
}

fn test_mail_policy(context: &Context<'_>) -> Result<NetworkPolicy, Error> {
    let id = &context.stack.id;
    object(json!({
        "metadata": metadata(id, Part::MailService, &id.test_mail()),
        "spec": {
            "podSelector": { "matchLabels": id.test_mail_selector() },
            "policyTypes": ["Ingress", "Egress"],
            "egress": [dns(), mail_server(context)],
        },
    }))
}

fn mail_server(context: &Context<'_>) -> Value {
    to_anywhere(&[u16::try_from(context.stack.spec.smtp.port).unwrap_or_default()])
}

fn broker_ingress(context: &Context<'_>) -> Vec<Value> {
    let repair = || json!({ "podSelector": { "matchLabels": context.stack.id.broker_repair_selector() } });
    let cluster_peers =
        [Some(pods(context, Part::RabbitMq)), is_cluster(context).then(repair)].into_iter().flatten();
    let cluster_peers = cluster_peers.collect::<Vec<_>>();
    let mut rules = vec![
        from(&services(context), &[5672]),
        from(&operator(context), &[15672]),
        from(&json!(cluster_peers), &[4369, 25672]),
    ];
    rules.extend(prometheus(context, 15692));
    rules
}

fn broker_egress(context: &Context<'_>) -> Vec<Value> {
    vec![dns(), to(&json!([pods(context, Part::RabbitMq)]), &[4369, 25672])]
}

/// Other namespaces' clients are let in by a policy of theirs: policies add up.
fn user_service_ingress(context: &Context<'_>) -> Vec<Value> {
    let mut callers = vec![json!({ "podSelector": {} })];
    callers.extend(context.platform.ingress_namespace.as_ref().map(|name| namespace(name)));
    // A controller on the network of its node has the node's address, and no namespace.
    let spec = &context.stack.spec;
    if spec.user_service.ingress.is_some() {
        callers.extend(spec.login.trusted_proxies.iter().filter_map(|network| ip_block(network)));
    }
    let mut rules = vec![from(&Value::Array(callers), &[user_service::PORTS[0].1])];
    if synthetic_login::sink(context).is_some() {
        rules.push(from(&operator(context), &[user_service::PORTS[0].1]));
    }
    rules.extend(management(context, user_service::PORTS[1].1));
    rules
}

/// A network without the bits of a host in it, as the API server wants it.
fn ip_block(network: &str) -> Option<Value> {
    let network = network.parse::<ipnet::IpNet>().ok()?.trunc();
    Some(json!({ "ipBlock": { "cidr": network.to_string() } }))
}

/// The operator reads what a pod reports, Prometheus its metrics.
fn management(context: &Context<'_>, port: u16) -> Vec<Value> {
    let mut rules = vec![from(&operator(context), &[port])];
    rules.extend(prometheus(context, port));
    rules
}

fn operator(context: &Context<'_>) -> Value {
    json!([{
        "namespaceSelector": { "matchLabels": { NAMESPACE_LABEL: context.platform.operator_namespace } },
        "podSelector": { "matchLabels": { "app.kubernetes.io/name": MANAGER } },
    }])
}

fn user_service_egress(context: &Context<'_>) -> Vec<Value> {
    let mut rules = backends(context);
    if context.stack.spec.users.mongo_uri_secret_ref.is_some() {
        rules.push(to_external(context.stack.external_ports.mongo.as_deref()));
    }
    rules
}

/// DNS, Redis, the broker, and the collector of traces where one is set.
fn backends(context: &Context<'_>) -> Vec<Value> {
    let redis = match &context.stack.redis {
        RedisTarget::Managed(_) => to(&json!([pods(context, Part::Redis)]), &[6379]),
        RedisTarget::External(_) => {
            to_external(context.stack.external_ports.redis.as_ref().map(std::slice::from_ref))
        }
    };
    let broker = match &context.stack.broker {
        BrokerTarget::Managed(_) => to(&json!([pods(context, Part::RabbitMq)]), &[5672]),
        BrokerTarget::External(broker) => to_anywhere(&[u16::try_from(broker.port()).unwrap_or_default()]),
    };
    let mut rules = vec![dns(), redis, broker];
    rules.extend(traces::collector_port(context).map(|port| to_anywhere(&[port])));
    rules
}

/// The ports that a URL names; all but the well-known ones where it leaves that open, as `mongodb+srv` does.
fn to_external(known: Option<&[u16]>) -> Value {
    let any = || json!({ "ports": [{ "protocol": "TCP", "port": 1024, "endPort": 65535 }] });
    known.map_or_else(any, to_anywhere)
}

/// The cluster's DNS: pods, or the cache that many clusters run on each node at this address. Policies see the port of the
/// pods, which is 5353 on `OpenShift`.
fn dns() -> Value {
    json!({
        "to": [{ "namespaceSelector": {} }, { "ipBlock": { "cidr": "169.254.20.10/32" } }],
        "ports": [
            { "protocol": "UDP", "port": 53 },
            { "protocol": "TCP", "port": 53 },
            { "protocol": "UDP", "port": 5353 },
            { "protocol": "TCP", "port": 5353 },
        ],
    })
}

fn prometheus(context: &Context<'_>, port: u16) -> Vec<Value> {
    let rule = |name: &String| from(&json!([namespace(name)]), &[port]);
    context.platform.prometheus_namespace.iter().map(rule).collect()
}

fn services(context: &Context<'_>) -> Value {
    json!([pods(context, Part::UserService), pods(context, Part::MailService)])
}

fn pods(context: &Context<'_>, part: Part) -> Value {
    json!({ "podSelector": { "matchLabels": context.stack.id.selector(part) } })
}

fn namespace(name: &str) -> Value {
    json!({ "namespaceSelector": { "matchLabels": { NAMESPACE_LABEL: name } } })
}

fn from(peers: &Value, to_ports: &[u16]) -> Value {
    json!({ "from": peers, "ports": ports(to_ports) })
}

fn to(peers: &Value, to_ports: &[u16]) -> Value {
    json!({ "to": peers, "ports": ports(to_ports) })
}

fn to_anywhere(to_ports: &[u16]) -> Value {
    json!({ "ports": ports(to_ports) })
}

fn ports(ports: &[u16]) -> Vec<Value> {
    ports.iter().map(|port| json!({ "protocol": "TCP", "port": port })).collect()
}
