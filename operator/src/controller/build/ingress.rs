//! The way in from outside, where the spec asks for one.

use k8s_openapi::api::networking::v1::Ingress;
use serde_json::json;

use super::{Error, metadata, object};
use crate::{controller::validate::ValidatedStack, names::Part};

pub(super) fn build(stack: &ValidatedStack) -> Result<Option<Ingress>, Error> {
    let Some(spec) = &stack.spec.user_service.ingress else { return Ok(None) };
    let name = stack.id.part(Part::UserService);
    let backend = json!({ "service": { "name": name, "port": { "name": "http" } } });
    let tls =
        spec.tls_secret_name.as_ref().map(|secret| json!([{ "hosts": [spec.host], "secretName": secret }]));
    let ingress = object(json!({
        "metadata": metadata(&stack.id, Part::UserService, &name),
        "spec": {
            "ingressClassName": spec.class_name,
            "tls": tls,
            "rules": [{
                "host": spec.host,
                "http": { "paths": [{ "path": "/", "pathType": "Prefix", "backend": backend }] },
            }],
        },
    }))?;
    Ok(Some(ingress))
}
