//! `spec.smtp`: the mail server that mails go out by.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::references::{SecretKeyRef, SecretRef};

mod rules;

/// The mail server that mails go out by.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.tls != 'None' || !has(self.credentialsSecretRef)")
        .message("a password must not travel in the clear: use tls StartTls or Implicit, or remove credentialsSecretRef"),
    validation = Rule::new("self.tls != 'None' || !has(self.caSecretRef)")
        .message("without TLS no certificate is checked: use tls StartTls or Implicit, or remove caSecretRef"),
    validation = Rule::new(r"!has(self.testRecipient) || self.testRecipient.matches('^[A-Za-z0-9.!#$%&*+/=?^_{|}~-]+@([A-Za-z0-9-]+[.])*[A-Za-z0-9-]+$')")
        .message("testRecipient is not an address: write one such as ada@example.org, without a name and angle brackets")
)]
pub struct Smtp {
    /// The mail server's host name.
    #[schemars(length(min = 1, max = 253))]
    pub host: String,
    /// The mail server's port.
    #[serde(default = "default_port")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,
    /// How the connection is protected.
    #[serde(default)]
    pub tls: SmtpTls,
    /// The sender of all mails, such as `Ping <no-reply@example.org>`. The name needs quotes only where it has angle brackets.
    #[schemars(length(min = 3, max = 320))]
    #[x_kube(
        validation = Rule::new(rules::without_controls())
            .message("from has a line break or another control character: write it in one line"),
        validation = Rule::new(rules::without_direction_controls())
            .message("from has a character that changes the direction of text: remove it"),
        validation = Rule::new(rules::sender())
            .message("from is not a sender: write an address such as no-reply@example.org, or Ping <no-reply@example.org>"),
        validation = Rule::new(rules::sender_is_short())
            .message("from is too long: its name may have 200 characters, the part before the @ 64, and the whole address 254")
    )]
    pub from: String,
    /// What mail-service calls itself in `EHLO`, such as `mail.example.org`, or an address in brackets such as `[192.0.2.1]`;
    /// absent means the domain of `from`. Some mail servers want a name that DNS resolves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new(rules::hello_name())
        .message("helloName is not a name for EHLO: write a domain name such as mail.example.org, or an address in brackets such as [192.0.2.1]"))]
    pub hello_name: Option<String>,
    /// The Secret with the keys `EMAIL_USER` and `EMAIL_PASSWORD`; absent means no authentication.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_secret_ref: Option<SecretRef>,
    /// The Secret's key that holds the PEM of the authority that signed the mail server's certificate; absent means the public ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<SecretKeyRef>,
    /// Who gets a test mail, such as `ada@example.org`: one when this is set, and one more whenever it or another
    /// setting of `smtp` changes. How the mail server took it is the condition `TestMailSent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 3, max = 254))]
    pub test_recipient: Option<String>,
}

fn default_port() -> i32 {
    587
}

/// How the connection to the mail server is protected.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SmtpTls {
    /// STARTTLS, or no mail: port 587.
    #[default]
    StartTls,
    /// TLS from the first octet: port 465.
    Implicit,
    /// Plain text, for a mail server on the same machine or in tests.
    None,
}
