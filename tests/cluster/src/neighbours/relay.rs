//! A mail server that requires STARTTLS and a password, with a certificate that only a user of the case can trust.

use k8s_openapi::api::core::v1::{Pod, Secret, Service};
use serde_json::{Value, json};

use crate::{
    case::Case,
    cluster::{Cluster, images::image},
    deadline,
    neighbours::pod,
};

const NAME: &str = "relay";
const PORT: u16 = 1025;
const USER: &str = "ada";
const PASSWORD: &str = "correct-horse";
/// The Secret with the certificate and key of the server.
const CERTIFICATE: &str = "relay-certificate";
/// The Secrets with the credentials of a user.
const RIGHT: &str = "relay-login";
const WRONG: &str = "relay-wrong-login";

/// The settings of a stack that uses the relay.
pub struct Relay;

impl Relay {
    /// `spec.smtp` with the right password, and without trust in the certificate.
    #[must_use]
    pub fn untrusted() -> Value {
        json!({
            "host": NAME, "port": PORT, "tls": "StartTls", "caSecretRef": null,
            "credentialsSecretRef": { "name": RIGHT },
        })
    }

    /// `spec.smtp` that trusts the certificate, with a wrong password.
    #[must_use]
    pub fn wrong_password() -> Value {
        Self::trusted(WRONG)
    }

    /// `spec.smtp` with which mail is delivered.
    #[must_use]
    pub fn right() -> Value {
        Self::trusted(RIGHT)
    }

    fn trusted(login: &str) -> Value {
        json!({
            "host": NAME, "port": PORT, "tls": "StartTls",
            "caSecretRef": { "name": CERTIFICATE, "key": "tls.crt" },
            "credentialsSecretRef": { "name": login },
        })
    }
}

impl Case {
    /// Starts the relay, and waits until it is ready.
    pub async fn start_relay(&self) {
        let made = rcgen::generate_simple_self_signed([NAME.to_owned()]);
        let made = made.unwrap_or_else(|error| panic!("no certificate for the relay: {error}"));
        let files = json!({
            "tls.crt": made.cert.pem(), "tls.key": made.signing_key.serialize_pem(),
            "logins": format!("{USER}:{PASSWORD}"),
        });
        self.apply_secret(CERTIFICATE, files).await;
        self.apply_secret(RIGHT, json!({ "EMAIL_USER": USER, "EMAIL_PASSWORD": PASSWORD })).await;
        self.apply_secret(WRONG, json!({ "EMAIL_USER": USER, "EMAIL_PASSWORD": "a-mistake" })).await;
        let service = json!({
            "metadata": { "name": NAME },
            "spec": { "selector": { "app.kubernetes.io/name": NAME }, "ports": [{ "port": PORT }] },
        });
        let _: Service = self.apply(service).await;
        let _: Pod = self.apply(pod(&self.cluster)).await;
        self.wait_pod_ready(NAME, deadline::OPERATOR).await;
    }

    async fn apply_secret(&self, name: &str, values: Value) {
        let _: Secret = self.apply(json!({ "metadata": { "name": name }, "stringData": values })).await;
    }
}

fn pod(cluster: &Cluster) -> Value {
    let container = json!({
        "name": NAME, "image": image(cluster, "mailpit"),
        "env": [
            { "name": "MP_SMTP_DISABLE_RDNS", "value": "true" },
            { "name": "MP_SMTP_TLS_CERT", "value": "/etc/relay/tls.crt" },
            { "name": "MP_SMTP_TLS_KEY", "value": "/etc/relay/tls.key" },
            { "name": "MP_SMTP_REQUIRE_STARTTLS", "value": "true" },
            { "name": "MP_SMTP_AUTH_FILE", "value": "/etc/relay/logins" },
        ],
        "readinessProbe": { "httpGet": { "path": "/readyz", "port": 8025 }, "periodSeconds": 1 },
        "resources": { "requests": { "cpu": "5m", "memory": "32Mi" }, "limits": { "memory": "256Mi" } },
        "volumeMounts": [
            { "name": "files", "mountPath": "/etc/relay", "readOnly": true },
            { "name": "tmp", "mountPath": "/tmp" },
        ],
    });
    let volumes = json!([
        { "name": "files", "secret": { "secretName": CERTIFICATE } },
        { "name": "tmp", "emptyDir": {} },
    ]);
    pod::restricted(&container, &volumes)
}
