use serde_json::{Value, json};

use super::{compare, generate, pingstack};
use crate::charts::spec::fields_of;

fn properties_of(spec: &Value) -> Value {
    serde_json::from_str::<Value>(&generate(&fields_of(spec)).unwrap()).unwrap()["properties"].clone()
}

#[test]
fn a_value_takes_what_the_field_takes_and_null_means_absent() {
    let properties = properties_of(&json!({
        "required": ["smtp"],
        "properties": {
            "mode": { "type": "string", "enum": ["a", "b"], "x-kubernetes-validations": [] },
            "smtp": {
                "type": "object",
                "required": ["host"],
                "default": {},
                "properties": { "host": { "type": "string", "minLength": 1 }, "names": { "type": "array", "items": { "type": "string" } } },
            },
            "tls": { "type": "object", "nullable": true, "required": ["ca"], "properties": { "ca": { "type": "string" } } },
        },
    }));
    assert_eq!(properties["mode"], json!({ "type": ["string", "null"], "enum": ["a", "b", null] }));
    assert_eq!(
        properties["smtp"],
        json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "host": { "type": ["string", "null"], "minLength": 1 },
                "names": { "type": ["array", "null"], "items": { "type": "string" } },
            },
        })
    );
    assert_eq!(
        properties["tls"],
        json!({
            "type": ["object", "null"],
            "additionalProperties": false,
            "required": ["ca"],
            "properties": { "ca": { "type": "string" } },
        })
    );
}

#[test]
fn a_field_with_the_name_of_a_value_of_the_charts_own_is_found() {
    let spec = fields_of(&json!({ "properties": { "mailpit": { "type": "object" } } }));
    assert!(generate(&spec).unwrap_err().to_string().contains("rename the chart's own value"));
}

#[test]
fn a_pingstack_with_an_unknown_field_is_refused() {
    let schema = pingstack(&fields_of(&json!({ "properties": { "smtp": { "type": "object" } } })));
    assert_eq!(schema["properties"]["spec"]["additionalProperties"], false);
    assert_eq!(schema["properties"]["spec"]["properties"]["smtp"]["type"], json!(["object", "null"]));
}

#[test]
fn values_and_schema_that_differ_are_found() {
    let schema = r#"{ "additionalProperties": false, "properties": {
        "global": {}, "gone": {}, "image": { "properties": { "tag": { "type": "string" } } } } }"#;
    let error = compare("image: { tag: dev, digest: a }\n", schema, "s.json").unwrap_err().to_string();
    assert_eq!(
        error,
        "s.json: .gone is not in values.yaml; .image takes anything: write additionalProperties: false; .image.digest has no schema"
    );
    let complete = r#"{ "additionalProperties": false, "properties": { "image": { "type": "string" } } }"#;
    compare("image: a\n", complete, "s.json").unwrap();
}
