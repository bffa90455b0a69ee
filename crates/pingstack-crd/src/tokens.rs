//! `spec.tokens`: how access tokens are signed.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::references::SecretKeyRef;

/// How access tokens are signed. With neither reference an Ed25519 key is generated.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default = "Tokens::default")]
#[x_kube(
    validation = Rule::new("!(has(self.signingKeySecretRef) && has(self.jwtSecretRef))")
        .message("tokens are signed by one algorithm only: keep either signingKeySecretRef (EdDSA) or jwtSecretRef (HS256)")
)]
pub struct Tokens {
    /// The tokens' issuer (`iss`); absent means the ingress host, or the Service's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub issuer: Option<String>,
    /// The tokens' audience (`aud`).
    #[schemars(length(min = 1, max = 255))]
    pub audience: String,
    /// How long an access token is good, in seconds.
    #[schemars(range(min = 60, max = 86400))]
    pub access_ttl_seconds: i32,
    /// The Secret's key that holds an Ed25519 private key in PKCS#8 PEM: EdDSA tokens and a JWKS. Every other key of
    /// that Secret must be such a key too; one that is added signs after it was published for 10 minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signing_key_secret_ref: Option<SecretKeyRef>,
    /// The Secret's key that holds a shared secret of at least 32 octets: HS256 tokens, as the original services make.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwt_secret_ref: Option<SecretKeyRef>,
}

impl Default for Tokens {
    fn default() -> Self {
        Self {
            issuer: None,
            audience: "ping".to_owned(),
            access_ttl_seconds: 900,
            signing_key_secret_ref: None,
            jwt_secret_ref: None,
        }
    }
}

/// Which tokens are accepted.
#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Authz {
    /// Asks Redis at `/authz` and wherever a token is shown whether its session has ended: a sign-out counts at once, and without Redis the answer is 503. While false a token counts until it expires. Tokens under `jwtSecretRef` have no sessions.
    pub check_session: bool,
}

impl Default for Authz {
    fn default() -> Self {
        Self { check_session: true }
    }
}
