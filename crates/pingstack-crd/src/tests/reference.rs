//! `docs/pingstack.md`, from the schema.

use kube::CustomResourceExt as _;
use serde_json::Value;

use crate::PingStack;

#[test]
fn the_reference_in_the_docs_is_current() {
    let crd = serde_json::to_value(PingStack::crd()).unwrap();
    let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    let mut lines = Vec::new();
    for root in ["spec", "status"] {
        lines.push(format!("## {root}\n\n| field | type | default | meaning |\n|---|---|---|---|"));
        let mut rows = Vec::new();
        walk(root, &schema["properties"][root], &mut rows);
        lines.extend(rows.iter().map(|row| format!("| {} |", row.join(" | "))));
        lines.push(String::new());
    }
    lines.push("## What the API server refuses besides\n\n| where | message |\n|---|---|".to_owned());
    collect_rules("", schema, &mut lines);
    let text = lines.join("\n");
    test_kit::documents::assert_part("pingstack.md", "fields", &text);
}

/// The rows of a field and of all below it. Blocks have no row of their own unless they can be left out.
fn walk(path: &str, field: &Value, rows: &mut Vec<[String; 4]>) {
    let required = field["required"].as_array().cloned().unwrap_or_default();
    for (name, child) in field["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        let default = match &child["default"] {
            _ if required.contains(&Value::from(name.as_str())) => "must be set".to_owned(),
            Value::Null | Value::Object(_) => "–".to_owned(),
            default => format!("`{}`", default.to_string().trim_matches('"')),
        };
        rows.push([format!("`{path}`"), kind(child), default, one_line(&child["description"])]);
        walk(&path, child, rows);
        if child["items"]["properties"].is_object() {
            walk(&format!("{path}[]"), &child["items"], rows);
        }
    }
}

/// Type and bounds in a few words.
fn kind(field: &Value) -> String {
    let bounds = |low: &Value, high: &Value, what: &str| match (low.as_f64(), high.as_f64()) {
        (Some(low), Some(high)) => format!(", {low} to {high}{what}"),
        (None, Some(high)) => format!(", at most {high}{what}"),
        (Some(low), None) => format!(", at least {low}{what}"),
        (None, None) => String::new(),
    };
    if let Some(values) = field["enum"].as_array() {
        let values = values.iter().filter_map(Value::as_str).map(|value| format!("`{value}`"));
        return values.collect::<Vec<_>>().join(", ");
    }
    match field["type"].as_str().unwrap_or("any") {
        "array" => format!("list{}", bounds(&Value::Null, &field["maxItems"], "")),
        "string" => format!("text{}", bounds(&field["minLength"], &field["maxLength"], " characters")),
        "integer" => format!("integer{}", bounds(&field["minimum"], &field["maximum"], "")),
        "object" if field["additionalProperties"].is_object() => "map".to_owned(),
        "object" => "block".to_owned(),
        other => other.to_owned(),
    }
}

fn collect_rules(path: &str, field: &Value, rules: &mut Vec<String>) {
    for rule in field["x-kubernetes-validations"].as_array().into_iter().flatten() {
        let place = if path.is_empty() { "the stack" } else { path.trim_start_matches('.') };
        rules.push(format!("| `{place}` | {} |", one_line(&rule["message"])));
    }
    for (name, child) in field["properties"].as_object().into_iter().flatten() {
        collect_rules(&format!("{path}.{name}"), child, rules);
    }
    if field["items"].is_object() {
        collect_rules(&format!("{path}[]"), &field["items"], rules);
    }
}

fn one_line(text: &Value) -> String {
    text.as_str().unwrap_or_default().replace('\n', " ").replace('|', "\\|")
}
