//! `charts/*/values.schema.json`: that of pingstack is generated from the CRD, that of ping-operator is compared with its values.

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

use super::spec::Field;

pub(super) const PATH: &str = "charts/pingstack/values.schema.json";

/// The schema of the chart's own values.
const OWN: &str = include_str!("pingstack.own.schema.json");

/// Words of the CRD's schema that mean the same in a JSON schema.
const COPIED: [&str; 9] =
    ["description", "type", "minimum", "maximum", "minLength", "maxLength", "maxItems", "pattern", "enum"];

/// The schema of the chart's values: its own, and the spec's from the CRD.
pub(super) fn generate(spec: &[Field]) -> Result<String> {
    let mut schema: Value =
        serde_json::from_str(OWN).context("pingstack.own.schema.json is not valid JSON")?;
    let properties =
        schema["properties"].as_object_mut().context("pingstack.own.schema.json has no properties")?;
    for field in spec {
        if properties.insert(field.name.clone(), value_schema(field)).is_some() {
            bail!(
                "the spec has a field {:?}, and so has pingstack.own.schema.json: rename the chart's own value",
                field.name
            );
        }
    }
    Ok(format!("{schema:#}\n"))
}

/// The schema of a PingStack as kubeconform reads it; fields that do not exist are refused.
pub(super) fn pingstack(spec: &[Field]) -> Value {
    let properties: Map<String, Value> =
        spec.iter().map(|field| (field.name.clone(), value_schema(field))).collect();
    json!({
        "type": "object",
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "additionalProperties": false,
        "properties": {
            "apiVersion": { "type": "string" },
            "kind": { "type": "string" },
            "metadata": { "type": "object" },
            "spec": { "type": "object", "properties": properties, "additionalProperties": false, "required": ["smtp"] },
        },
    })
}

/// The schema of a value: unlike the CRD's, it refuses what is not in it, and null means absent.
fn value_schema(field: &Field) -> Value {
    // Required in a block that always exists: values.yaml has null for it, and the template asks for it.
    let mut schema = schema_of(&field.schema, &field.fields, field.is_block());
    if !field.is_required && !field.is_block() {
        accept_null(&mut schema);
    }
    Value::Object(schema)
}

fn schema_of(from: &Map<String, Value>, fields: &[Field], is_block: bool) -> Map<String, Value> {
    let words = COPIED.iter().filter_map(|word| Some(((*word).to_owned(), from.get(*word)?.clone())));
    let mut schema: Map<String, Value> = words.collect();
    if let Some(items) = from.get("items").and_then(Value::as_object) {
        schema.insert("items".to_owned(), Value::Object(schema_of(items, &[], false)));
    }
    if fields.is_empty() {
        return schema;
    }
    let properties = fields.iter().map(|field| {
        let mut inner = value_schema(field);
        if is_block && field.is_required && !field.is_block() {
            inner.as_object_mut().into_iter().for_each(accept_null);
        }
        (field.name.clone(), inner)
    });
    schema.insert("properties".to_owned(), Value::Object(properties.collect()));
    schema.insert("additionalProperties".to_owned(), Value::Bool(false));
    if let Some(required) = from.get("required").filter(|_| !is_block) {
        schema.insert("required".to_owned(), required.clone());
    }
    schema
}

fn accept_null(schema: &mut Map<String, Value>) {
    let type_name = schema.get("type").cloned().unwrap_or_default();
    schema.insert("type".to_owned(), json!([type_name, "null"]));
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.push(Value::Null);
    }
}

/// Fails unless every value has a place in the schema, and the schema has no others.
pub(super) fn compare(values: &str, schema: &str, path: &str) -> Result<()> {
    let schema: Value = serde_json::from_str(schema).with_context(|| format!("{path} is not valid JSON"))?;
    let values: Value = serde_yaml::from_str(values)
        .with_context(|| format!("the values beside {path} are not valid YAML"))?;
    let mut differences = differences("", &values, &schema);
    differences.sort();
    if !differences.is_empty() {
        bail!("{path}: {}", differences.join("; "));
    }
    Ok(())
}

fn differences(path: &str, value: &Value, schema: &Value) -> Vec<String> {
    let Some(properties) = schema["properties"].as_object() else { return Vec::new() };
    let mut found = Vec::new();
    if schema["additionalProperties"] != false {
        found.push(format!("{path} takes anything: write additionalProperties: false"));
    }
    let names = value.as_object().into_iter().flat_map(Map::keys);
    found.extend(
        names
            .filter(|name| !properties.contains_key(*name))
            .map(|name| format!("{path}.{name} has no schema")),
    );
    for (name, inner) in properties {
        let path = format!("{path}.{name}");
        match value.get(name) {
            Some(value) => found.extend(differences(&path, value, inner)),
            // Helm's own, for charts that have this one in them.
            None if path == ".global" => {}
            None => found.push(format!("{path} is not in values.yaml")),
        }
    }
    found
}

#[cfg(test)]
mod tests;
