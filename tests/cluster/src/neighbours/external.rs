//! A Redis and a broker that are not the operator's, with TLS and a certificate authority of their own.

use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret, Service};
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::{
    case::Case,
    deadline,
    stack::management::{Broker, Request},
};

/// Their pods and Services.
const SERVERS: &str = include_str!("external/servers.yaml");
/// Their configuration, by file name.
const CONFIG: [(&str, &str); 3] = [
    ("redis.conf", include_str!("external/config/redis.conf")),
    ("rabbitmq.conf", include_str!("external/config/rabbitmq.conf")),
    ("enabled_plugins", include_str!("external/config/enabled_plugins")),
];
/// What both configurations have.
const PASSWORD: &str = "external-password";
/// The broker's administrator.
const OWNER: &str = "owner";

/// The servers of a case, once they run.
pub struct ExternalServers<'a> {
    case: &'a Case,
}

impl Case {
    /// Starts them, and waits until both are ready.
    pub async fn start_external_servers(&self) -> ExternalServers<'_> {
        let certificates = certificates(&self.namespace);
        let certificates = certificates.unwrap_or_else(|error| panic!("no certificates: {error}"));
        let config: Value = CONFIG.iter().map(|(name, text)| ((*name).to_owned(), json!(text))).collect();
        let secret =
            |name: &str, values: Value| json!({ "metadata": { "name": name }, "stringData": values });
        let url = format!("rediss://:{PASSWORD}@redis:6380/3");
        let _: Secret = self.apply(secret("servers", certificates)).await;
        let _: Secret = self.apply(secret("redis-url", json!({ "url": url }))).await;
        let admin = json!({ "username": OWNER, "password": PASSWORD });
        let _: Secret = self.apply(secret("broker-admin", admin)).await;
        let _: ConfigMap = self.apply(json!({ "metadata": { "name": "servers" }, "data": config })).await;
        for document in serde_yaml::Deserializer::from_str(SERVERS) {
            let object = Value::deserialize(document);
            let object = object.unwrap_or_else(|error| panic!("servers.yaml is no YAML: {error}"));
            if object["kind"] == "Pod" {
                let _: Pod = self.apply(object).await;
            } else {
                let _: Service = self.apply(object).await;
            }
        }
        for pod in ["redis", "broker"] {
            self.wait_pod_ready(pod, deadline::SERVER).await;
        }
        ExternalServers { case: self }
    }
}

impl ExternalServers<'_> {
    /// The spec of a stack that uses them, in a vhost of its own.
    #[must_use]
    pub fn spec(&self, vhost: &str) -> Value {
        let ca = json!({ "name": "servers", "key": "ca.pem" });
        json!({
            "redis": { "managed": null, "external": {
                "urlSecretRef": { "name": "redis-url", "key": "url" }, "caSecretRef": ca,
            } },
            "rabbitmq": { "managed": null, "external": {
                "host": "broker", "vhost": vhost, "tls": { "caSecretRef": ca },
                "managementUrl": format!("https://broker.{}.svc:15671", self.case.namespace),
                "adminSecretRef": { "name": "broker-admin" },
            } },
        })
    }

    /// What the broker answers its administrator to a request that must be allowed.
    pub async fn manage(&self, request: Request<'_>) -> Value {
        let broker = Broker { pod: "broker", login: &format!("{OWNER}:{PASSWORD}") };
        let answer = self.case.ask_broker(&broker, &request).await;
        answer.unwrap_or_else(|error| panic!("{} {} failed: {error}", request.method, request.path))
    }
}

/// The files `ca.pem`, `tls.crt` and `tls.key` of both servers.
fn certificates(namespace: &str) -> Result<Value, rcgen::Error> {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name.push(DnType::CommonName, "e2e-ca");
    let authority_key = KeyPair::generate()?;
    let ca = authority.self_signed(&authority_key)?.pem();
    let names = ["redis", "broker"].map(|name| [name.to_owned(), format!("{name}.{namespace}.svc")]);
    let mut servers = CertificateParams::new(names.concat())?;
    servers.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    let certificate = servers.signed_by(&key, &Issuer::new(authority, authority_key))?.pem();
    Ok(json!({ "ca.pem": ca, "tls.crt": certificate, "tls.key": key.serialize_pem() }))
}
