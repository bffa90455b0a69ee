//! Kubernetes' own objects as JSON schemas for kubeconform, from the OpenAPI document in Kubernetes' Go module.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use crate::program::Program;
use crate::repository::Repository;

/// The folder with the schemas of that version, written once.
pub(super) fn folder(repository: &Repository, version: &str) -> Result<PathBuf> {
    let folder = repository.build_folder(&format!("charts/schemas/{version}"))?;
    let complete = folder.join("complete");
    if complete.exists() {
        return Ok(folder);
    }
    eprintln!("xtask: writing the schemas of Kubernetes {version}");
    let document = fs::read_to_string(openapi_document(repository, version)?)?;
    let document: Value =
        serde_json::from_str(&document).context("Kubernetes' OpenAPI document is not valid JSON")?;
    let definitions = definitions(&document);
    for (name, definition) in &definitions {
        if let Some(kind) = kind_of(definition) {
            let reference = json!({ "$ref": format!("definitions.json#/definitions/{name}") });
            fs::write(folder.join(format!("{kind}.json")), reference.to_string())?;
        }
    }
    fs::write(folder.join("definitions.json"), json!({ "definitions": definitions }).to_string())?;
    fs::write(complete, "")?;
    Ok(folder)
}

fn openapi_document(repository: &Repository, version: &str) -> Result<PathBuf> {
    let module = Program::new("go")
        .arguments(["mod", "download", "-json", &format!("k8s.io/kubernetes@{version}")])
        .inside(&repository.build_folder("charts")?)
        .output()?;
    let module: Value = serde_json::from_str(&module).context("go mod download printed no JSON")?;
    let folder = module["Dir"].as_str().context("go mod download names no folder")?;
    Ok(PathBuf::from(folder).join("api/openapi-spec/swagger.json"))
}

/// Strict: a field that does not exist is an error. Two types take more than the document says.
fn definitions(document: &Value) -> Map<String, Value> {
    let mut definitions = document["definitions"].as_object().cloned().unwrap_or_default();
    for definition in definitions.values_mut().filter_map(Value::as_object_mut) {
        if definition.contains_key("properties")
            && !definition.contains_key("x-kubernetes-preserve-unknown-fields")
        {
            definition.insert("additionalProperties".to_owned(), Value::Bool(false));
        }
    }
    let strings_or = |other: &str| json!({ "type": ["string", other] });
    definitions.insert("io.k8s.apimachinery.pkg.util.intstr.IntOrString".to_owned(), strings_or("integer"));
    definitions.insert("io.k8s.apimachinery.pkg.api.resource.Quantity".to_owned(), strings_or("number"));
    definitions
}

/// The name that kubeconform has for the kind, such as `deployment-apps-v1`. A type of several kinds, such as
/// `DeleteOptions`, is no object of a manifest.
fn kind_of(definition: &Value) -> Option<String> {
    let [kind] = definition["x-kubernetes-group-version-kind"].as_array()?.as_slice() else { return None };
    let group = kind["group"].as_str()?.split('.').next().filter(|group| !group.is_empty());
    let parts = [kind["kind"].as_str(), group, kind["version"].as_str()];
    Some(parts.into_iter().flatten().collect::<Vec<_>>().join("-").to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{definitions, kind_of};

    #[test]
    fn fields_that_do_not_exist_are_refused() {
        let definitions = definitions(&json!({ "definitions": {
            "Pod": { "properties": { "spec": {} } },
            "Any": { "properties": {}, "x-kubernetes-preserve-unknown-fields": true },
            "Time": { "type": "string" },
        }}));
        assert_eq!(definitions["Pod"]["additionalProperties"], false);
        assert_eq!(definitions["Any"].get("additionalProperties"), None);
        assert_eq!(definitions["Time"].get("additionalProperties"), None);
        assert_eq!(
            definitions["io.k8s.apimachinery.pkg.api.resource.Quantity"],
            json!({ "type": ["string", "number"] })
        );
    }

    #[test]
    fn kinds_have_the_names_that_kubeconform_looks_for() {
        let kind = |group: &str| json!({ "group": group, "kind": "NetworkPolicy", "version": "v1" });
        let of = |kinds: &[_]| kind_of(&json!({ "x-kubernetes-group-version-kind": kinds }));
        assert_eq!(of(&[kind("networking.k8s.io")]).unwrap(), "networkpolicy-networking-v1");
        assert_eq!(of(&[kind("")]).unwrap(), "networkpolicy-v1");
        assert_eq!(of(&[kind(""), kind("apps")]), None);
        assert_eq!(kind_of(&json!({})), None);
    }
}
