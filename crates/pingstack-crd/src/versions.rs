//! The CustomResourceDefinition with the versions that it serves.
//!
//! `v1beta1` is stored. `v1alpha1` is served for objects and tools that were written for it: both have the same fields with the
//! same meaning, so that the API server converts by changing `apiVersion` alone, and no webhook is needed. A field may be added to
//! both, never renamed or retyped; a test compares the schema with that of the first release.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceDefinitionVersion, JSONSchemaProps, JSONSchemaPropsOrArray,
};
use kube::CustomResourceExt as _;

use super::PingStack;

/// The version that is stored, and that the operator reads and writes.
pub const API_VERSION: &str = "pingstack.dev/v1beta1";

/// The version of the first release.
const FIRST: &str = "v1alpha1";

/// What the API server says to whoever uses the first version.
const WARNING: &str = "pingstack.dev/v1alpha1 is the former name of pingstack.dev/v1beta1, which has the same fields: change apiVersion";

/// The CRD of the chart.
#[must_use]
pub fn definition() -> CustomResourceDefinition {
    let mut crd = PingStack::crd();
    let first = crd.spec.versions.first().map(first_version);
    crd.spec.versions.extend(first);
    crd
}

/// The same, served and not stored. Descriptions would double the size of the CRD: `kubectl explain` takes those of the stored
/// version.
fn first_version(stored: &CustomResourceDefinitionVersion) -> CustomResourceDefinitionVersion {
    let mut first = stored.clone();
    FIRST.clone_into(&mut first.name);
    first.storage = false;
    first.deprecated = Some(true);
    first.deprecation_warning = Some(WARNING.to_owned());
    if let Some(schema) = first.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut()) {
        remove_descriptions(schema);
    }
    first
}

fn remove_descriptions(schema: &mut JSONSchemaProps) {
    schema.description = None;
    for field in schema.properties.iter_mut().flat_map(|fields| fields.values_mut()) {
        remove_descriptions(field);
    }
    match &mut schema.items {
        Some(JSONSchemaPropsOrArray::Schema(items)) => remove_descriptions(items),
        Some(JSONSchemaPropsOrArray::Schemas(items)) => items.iter_mut().for_each(remove_descriptions),
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{API_VERSION, definition};
    use crate::samples::{self, MINIMAL};

    /// The schema of `v1alpha1` in the first release, without descriptions and rules.
    const FIRST_RELEASE: &str = include_str!("schema-of-0.1.0.json");

    fn versions() -> Vec<Value> {
        let crd = serde_json::to_value(definition()).unwrap();
        crd["spec"]["versions"].as_array().unwrap().clone()
    }

    fn schema(version: &Value) -> Value {
        version["schema"]["openAPIV3Schema"].clone()
    }

    #[test]
    fn one_version_is_stored_both_are_served_and_none_is_converted() {
        let crd = serde_json::to_value(definition()).unwrap();
        assert!(crd["spec"]["conversion"].is_null(), "the API server changes apiVersion alone");
        let versions = versions();
        let each = |field: &str| versions.iter().map(|version| version[field].clone()).collect::<Vec<_>>();
        assert_eq!(each("name"), ["v1beta1", "v1alpha1"]);
        assert_eq!(each("storage"), [true, false]);
        assert_eq!(each("served"), [true, true]);
        assert!(versions[0]["deprecated"].is_null() && versions[1]["deprecated"] == true);
        assert!(API_VERSION.ends_with("/v1beta1"));
    }

    #[test]
    fn both_versions_have_the_same_fields_rules_and_columns() {
        fn without_descriptions(schema: &mut Value) {
            if let Value::Object(fields) = schema {
                if fields.get("description").is_some_and(Value::is_string) {
                    fields.remove("description");
                }
                fields.values_mut().for_each(without_descriptions);
            } else if let Value::Array(items) = schema {
                items.iter_mut().for_each(without_descriptions);
            }
        }
        let [stored, first] = &versions()[..] else { panic!("two versions") };
        let mut stored_schema = schema(stored);
        without_descriptions(&mut stored_schema);
        assert_eq!(stored_schema, schema(first));
        assert_eq!(stored["additionalPrinterColumns"], first["additionalPrinterColumns"]);
    }

    #[test]
    fn every_field_of_the_first_release_is_there_with_its_meaning() {
        let first: Value = serde_json::from_str(FIRST_RELEASE).unwrap();
        for version in versions() {
            let mut changes = Vec::new();
            compare("", &first, &schema(&version), &mut changes);
            assert!(changes.is_empty(), "{}: {changes:#?}", version["name"]);
        }
    }

    /// What an object of the first release would lose, or what it says otherwise.
    fn compare(path: &str, old: &Value, new: &Value, changes: &mut Vec<String>) {
        if new.is_null() {
            return changes.push(format!("{path} is gone"));
        }
        for same in ["type", "format", "x-kubernetes-int-or-string", "x-kubernetes-list-type"] {
            if !old[same].is_null() && old[same] != new[same] {
                changes.push(format!("{path}: {same} was {}, is {}", old[same], new[same]));
            }
        }
        // A default of a block has the defaults of its fields, and new fields add to it.
        if !old["default"].is_null() && !old["default"].is_object() && old["default"] != new["default"] {
            changes.push(format!("{path}: default was {}, is {}", old["default"], new["default"]));
        }
        for bound in ["maximum", "maxLength", "maxItems", "maxProperties"] {
            if let (Some(new_bound), Some(old_bound)) = (bound_of(new, bound), bound_of(old, bound))
                && new_bound < old_bound
            {
                changes.push(format!("{path}: {bound} was {}, is {}", old[bound], new[bound]));
            }
        }
        for bound in ["minimum", "minLength", "minItems"] {
            if let (Some(new_bound), Some(old_bound)) = (bound_of(new, bound), bound_of(old, bound))
                && new_bound > old_bound
            {
                changes.push(format!("{path}: {bound} was {}, is {}", old[bound], new[bound]));
            }
        }
        let list = |schema: &Value, field: &str| schema[field].as_array().cloned().unwrap_or_default();
        let gone = list(old, "enum").into_iter().filter(|value| !list(new, "enum").contains(value));
        changes.extend(gone.map(|value| format!("{path}: {value} is no longer a value")));
        let demanded =
            list(new, "required").into_iter().filter(|field| !list(old, "required").contains(field));
        changes.extend(demanded.map(|field| format!("{path}: {field} must be set now")));
        for (name, field) in old["properties"].as_object().into_iter().flatten() {
            compare(&format!("{path}.{name}"), field, &new["properties"][name], changes);
        }
        if !old["items"].is_null() {
            compare(&format!("{path}[]"), &old["items"], &new["items"], changes);
        }
    }

    /// Where a bound is missing in one of the two, nothing is compared.
    fn bound_of(schema: &Value, bound: &str) -> Option<f64> {
        schema[bound].as_f64()
    }

    /// The fields of an object that was stored by the first release are read as they were.
    #[test]
    fn a_stack_of_the_first_release_is_read() {
        let stack = MINIMAL.replace(API_VERSION, "pingstack.dev/v1alpha1");
        assert!(stack.contains("v1alpha1"), "the sample has the stored version");
        assert_eq!(samples::stack(&stack).spec, samples::stack(MINIMAL).spec);
    }
}
