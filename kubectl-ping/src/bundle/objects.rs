//! What is left out of objects, whatever is in it: users may have put secrets there.

use serde_json::{Map, Value, json};

/// Our own annotations hold no secrets; those of others may hold anything.
const OWN_PREFIX: &str = "pingstack.dev/";

const REMOVED: &str = "REDACTED";

/// Leaves out values of variables, annotations of others, managed fields, and the data of Secrets and `ConfigMaps`, should one be
/// there.
pub(super) fn strip(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("managedFields");
            if matches!(fields.get("kind").and_then(Value::as_str), Some("Secret" | "ConfigMap")) {
                for data in ["data", "stringData", "binaryData"] {
                    fields.remove(data);
                }
            }
            for (name, field) in fields.iter_mut() {
                match (name.as_str(), field) {
                    ("annotations", Value::Object(annotations)) => hide_annotations(annotations),
                    ("env", Value::Array(variables)) => variables.iter_mut().for_each(hide_variable),
                    // A command line may name a password.
                    ("args" | "command", field @ Value::Array(_)) => *field = json!([REMOVED]),
                    (_, field) => strip(field),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}

fn hide_annotations(annotations: &mut Map<String, Value>) {
    for (_, value) in annotations.iter_mut().filter(|(name, _)| !name.starts_with(OWN_PREFIX)) {
        *value = json!(REMOVED);
    }
}

/// References stay: they name where a value comes from.
fn hide_variable(variable: &mut Value) {
    if let Some(value) = variable.get_mut("value") {
        *value = json!(REMOVED);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::strip;

    #[test]
    fn what_users_put_secrets_into_is_left_out() {
        let mut pod = json!({
            "kind": "Pod",
            "metadata": {
                "name": "demo", "managedFields": [{}],
                "annotations": { "pingstack.dev/config-hash": "1a", "vault/token": "s3cret", "kubectl.kubernetes.io/last-applied-configuration": "{}" },
            },
            "spec": { "containers": [{
                "name": "a", "args": ["--password=s3cret"], "command": ["s3cret"],
                "env": [{ "name": "P", "value": "s3cret" }, { "name": "Q", "valueFrom": { "secretKeyRef": { "name": "q", "key": "k" } } }],
            }] },
        });
        strip(&mut pod);
        let text = pod.to_string();
        assert!(!text.contains("s3cret") && !text.contains("managedFields"), "{text}");
        assert_eq!(pod["metadata"]["annotations"]["pingstack.dev/config-hash"], "1a");
        assert_eq!(pod["spec"]["containers"][0]["env"][1]["valueFrom"]["secretKeyRef"]["name"], "q");
        let mut list = json!({ "items": [{ "kind": "Secret", "data": { "a": "czNjcmV0" }, "stringData": { "b": "x" } }] });
        strip(&mut list);
        assert_eq!(list, json!({ "items": [{ "kind": "Secret" }] }));
    }
}
