//! Stacks for tests, and what a reconcile of them uses.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use k8s_openapi::{ByteString, api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use pingstack_crd::{
    PingStack, SecurityProfile, mail::TemplateStyle, pod_template::PodTemplate, references::ConfigMapRef,
};
use rabbitmq_management::nodes::NodeView;
use service_kit::{metrics::Metrics, shutdown::Shutdown};

pub(crate) use pingstack_crd::samples::{EXTERNAL, FULL, MINIMAL, stack};
use test_kit::fake_api::FakeApi;

use crate::{
    autoscaling::{Autoscaling, route::Route},
    controller::{
        Context,
        brokers::members::{Broker, Brokers},
        dereference::References,
        entropy::Entropy,
        validate::{ValidatedStack, validate},
    },
    events::Events,
    metrics::OperatorMetrics,
    names::StackId,
    platform::{Images, Platform, SinkAddress},
    pod_reports::PodReports,
    synthetic_login::{SignInMetrics, SyntheticLogins},
    watches::Children,
};

/// The stack `demo` in the namespace `team`.
pub(crate) fn stack_id() -> StackId {
    StackId { namespace: "team".to_owned(), name: "demo".to_owned(), uid: "0b5ec0de".to_owned() }
}

/// Three brokers, each with the ordinals that it sees running, or none if it does not answer. Each knows those alone as
/// members of its cluster.
pub(crate) fn brokers(views: [&[usize]; 3]) -> Brokers {
    let broker = |(ordinal, seen): (usize, &[usize])| {
        let node = format!("rabbit@{ordinal}");
        let running = nodes(seen);
        let view =
            NodeView { node: node.clone(), version: "4.0.5".to_owned(), members: running.clone(), running };
        let view = if seen.is_empty() { Err("no answer".to_owned()) } else { Ok(view) };
        Broker { pod: format!("demo-rabbitmq-{ordinal}"), node, view }
    };
    Brokers(views.into_iter().enumerate().map(broker).collect())
}

/// The same, as brokers that know all three as members of one cluster.
pub(crate) fn members(views: [&[usize]; 3]) -> Brokers {
    let mut brokers = brokers(views);
    for view in brokers.0.iter_mut().filter_map(|broker| broker.view.as_mut().ok()) {
        view.members = nodes(&[0, 1, 2]);
    }
    brokers
}

fn nodes(ordinals: &[usize]) -> BTreeSet<String> {
    ordinals.iter().map(|ordinal| format!("rabbit@{ordinal}")).collect()
}

/// A Secret with these texts.
pub(crate) fn secret(name: &str, data: &[(&str, &str)]) -> Arc<Secret> {
    let data = data.iter().map(|(key, value)| ((*key).to_owned(), ByteString(value.as_bytes().to_vec())));
    Arc::new(Secret {
        metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() },
        data: Some(data.collect()),
        ..Secret::default()
    })
}

/// Everything that the samples point at.
pub(crate) fn references() -> References {
    let secrets = [
        secret("smtp", &[("EMAIL_USER", "u"), ("EMAIL_PASSWORD", "p")]),
        secret("mail-ca", &[("ca.pem", "mail CA")]),
        secret("tokens", &[("secret", "a-secret-of-more-than-32-octets-in-length")]),
        secret("directory", &[("uri", "mongodb://m")]),
        secret("redis", &[("url", "rediss://u:p@redis.example.org"), ("ca.pem", "redis CA")]),
        secret("broker-admin", &[("username", "ping-admin"), ("password", "broker-s3cret\n")]),
        secret("broker-ca", &[("ca.pem", "broker CA")]),
    ];
    References {
        cluster_uid: "c1u5ter".to_owned(),
        secrets: secrets
            .into_iter()
            .map(|secret| (secret.metadata.name.clone().unwrap(), Some(secret)))
            .collect(),
        own_secrets: BTreeMap::new(),
        pull_secret: None,
        route: Route::default(),
        branding: None,
    }
}

/// The minimal sample with mails of the style `Branded`, and the ConfigMap `mail-words`.
pub(crate) fn branded() -> PingStack {
    let mut stack = stack(MINIMAL);
    stack.spec.mail.brand.name = Some("Ping".to_owned());
    stack.spec.mail.templates.style = TemplateStyle::Branded;
    stack.spec.mail.templates.config_map_ref = Some(ConfigMapRef { name: "mail-words".to_owned() });
    stack
}

pub(crate) fn validated(yaml: &str) -> ValidatedStack {
    validate(&stack(yaml), references()).unwrap()
}

pub(crate) fn platform() -> Platform {
    Platform {
        images: Images {
            user_service: "user-service:test".to_owned(),
            mail_service: "mail-service:test".to_owned(),
            redis: "redis:test".to_owned(),
            rabbitmq: "rabbitmq:test".to_owned(),
        },
        pull_secrets: Vec::new(),
        pod_template: PodTemplate::default(),
        security_profile: SecurityProfile::Restricted,
        image_pull_policy: "IfNotPresent".to_owned(),
        operator_namespace: "ping-system".to_owned(),
        sign_in_sink: SinkAddress {
            host: "ping-operator-sign-in-sink.ping-system.svc".to_owned(),
            port: 2525,
        },
        ingress_namespace: Some("ingress-nginx".to_owned()),
        prometheus_namespace: Some("monitoring".to_owned()),
        runbooks_url: "https://pingstack.dev/runbooks/".to_owned(),
    }
}

pub(crate) fn entropy() -> Entropy {
    Entropy::fixed([7; 32])
}

/// What a reconcile uses, with caches that hold what `api` does.
pub(crate) fn context(api: &FakeApi) -> Context {
    let client = api.client();
    let children = Children::holding(&api.objects());
    Context {
        platform: platform(),
        cluster_uid: "c1u5ter".to_owned(),
        pod_reports: PodReports::idle(children.pods.clone()),
        children,
        memo: crate::controller::apply::Memo::default(),
        autoscaling: Autoscaling::idle(client.clone()),
        broker_connections: crate::broker_connections::BrokerConnections::default(),
        complete_once: crate::controller::topology::CompleteOnce::default(),
        brokers_apart: crate::controller::apply::ApartSince::default(),
        absent_monitoring: crate::controller::monitoring::KnownAbsent::default(),
        synthetic_logins: synthetic_logins(),
        template_checks: crate::controller::branding::checks::Checks::default(),
        touch: std::sync::Arc::new(|_: &StackId| ()),
        requeue: crate::requeue::Requeue::default(),
        events: Events::new(client.clone(), "test".to_owned()),
        metrics: metrics(),
        client,
    }
}

pub(crate) fn metrics() -> OperatorMetrics {
    OperatorMetrics::new(&Metrics::new("test", "0"))
}

pub(crate) fn synthetic_logins() -> SyntheticLogins {
    SyntheticLogins::new(SignInMetrics::new(&Metrics::new("test", "0")), Shutdown::new())
}
