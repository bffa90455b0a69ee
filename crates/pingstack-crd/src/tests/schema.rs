use serde_json::{Value, json};

use crate::{
    PingStack,
    samples::{self, EXTERNAL, FULL, MINIMAL},
    status::PingStackStatus,
    versions::definition,
};

fn schema() -> Value {
    let crd = serde_json::to_value(definition()).unwrap();
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
}

/// Calls `visit` with the path and schema of each field below `schema`.
fn walk(path: &str, schema: &Value, visit: &mut dyn FnMut(&str, &Value)) {
    visit(path, schema);
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        walk(&format!("{path}.{name}"), field, visit);
    }
    if schema["items"].is_object() {
        walk(&format!("{path}[]"), &schema["items"], visit);
    }
}

fn offenders(root: &str, offends: impl Fn(&str, &Value) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    let mut visit = |path: &str, field: &Value| {
        if offends(path, field) {
            found.push(path.to_owned());
        }
    };
    walk(root, &schema()["properties"][root], &mut visit);
    found
}

#[test]
fn the_committed_crd_is_the_one_of_the_types() {
    let generated = serde_yaml::to_string(&definition()).unwrap();
    test_kit::documents::assert_file("charts/ping-operator/files/crd.yaml", &generated);
}

/// `kubectl apply` without `--server-side` writes the whole object into an annotation, and the API server takes 256 KiB of them.
#[test]
fn the_crd_fits_into_the_annotation_of_kubectl_apply() {
    let length = serde_json::to_string(&definition()).unwrap().len();
    assert!(length < 128 * 1024, "{length} octets");
}

#[test]
fn every_field_is_described() {
    let undescribed = |path: &str, field: &Value| {
        !path.ends_with("[]") && field["description"].as_str().is_none_or(str::is_empty)
    };
    assert_eq!(offenders("spec", undescribed), Vec::<String>::new());
    assert_eq!(offenders("status", undescribed), Vec::<String>::new());
}

#[test]
fn every_text_list_and_number_of_the_spec_is_bounded() {
    let unbounded = |_: &str, field: &Value| match field["type"].as_str() {
        Some("string") => field["maxLength"].is_null() && field["enum"].is_null(),
        Some("array") => field["maxItems"].is_null(),
        Some("integer") => field["minimum"].is_null() || field["maximum"].is_null(),
        _ => false,
    };
    assert_eq!(offenders("spec", unbounded), Vec::<String>::new());
}

/// The API server repeats a pattern to whoever breaks it.
#[test]
fn no_regular_expression_reaches_users() {
    let patterns = |_: &str, field: &Value| !field["pattern"].is_null();
    assert_eq!(offenders("spec", patterns), Vec::<String>::new());
    let mut silent = Vec::new();
    let mut visit = |path: &str, field: &Value| {
        let rules = field["x-kubernetes-validations"].as_array();
        let without_words = |rule: &Value| rule["message"].as_str().is_none_or(str::is_empty);
        silent
            .extend(rules.into_iter().flatten().filter(|rule| without_words(rule)).map(|_| path.to_owned()));
    };
    walk("", &schema(), &mut visit);
    assert_eq!(silent, Vec::<String>::new());
}

#[test]
fn wide_output_has_the_message_of_the_summary() {
    let crd = serde_json::to_value(definition()).unwrap();
    let columns = crd["spec"]["versions"][0]["additionalPrinterColumns"].as_array().unwrap().clone();
    let message = columns.iter().find(|column| column["name"] == "Message").expect("no column Message");
    assert_eq!(message["jsonPath"], ".status.conditions[?(@.type=='Ready')].message");
    assert_eq!(message["priority"], 1, "it is too long for the usual output");
}

#[test]
fn defaults_of_the_schema_are_those_of_the_code() {
    let written = json!({
        "apiVersion": "pingstack.dev/v1beta1", "kind": "PingStack", "metadata": { "name": "x" },
        "spec": { "smtp": { "host": "mail", "from": "a@example.org" } },
    });
    let mut defaulted = written.clone();
    apply_defaults(&schema()["properties"]["spec"], &mut defaulted["spec"]);
    let by_schema: PingStack = serde_json::from_value(defaulted).unwrap();
    let by_code: PingStack = serde_json::from_value(written).unwrap();
    assert_eq!(by_schema, by_code);
    assert_eq!(serde_json::to_value(&by_schema).unwrap(), serde_json::to_value(&by_code).unwrap());
}

/// What the API server does with `default`.
fn apply_defaults(schema: &Value, object: &mut Value) {
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        if object[name].is_null() && !field["default"].is_null() {
            object[name] = field["default"].clone();
        }
        if object[name].is_object() {
            apply_defaults(field, &mut object[name]);
        } else if object[name].is_null() {
            object.as_object_mut().unwrap().remove(name);
        }
    }
}

#[test]
fn an_object_that_no_operator_has_read_yet_has_observed_no_generation() {
    let mut unseen = json!({});
    let status = schema()["properties"]["status"].clone();
    apply_defaults(&json!({ "properties": { "status": status } }), &mut unseen);
    assert_eq!(unseen["status"]["observedGeneration"], -1);
    let read: PingStackStatus = serde_json::from_value(unseen["status"].clone()).unwrap();
    assert_eq!((read.observed_generation, read.conditions.len()), (Some(-1), 0));
    assert_eq!(status["properties"]["observedGeneration"]["default"], -1);
    assert_eq!(status["properties"]["conditions"]["maxItems"], 32);
}

#[test]
fn a_partly_written_block_keeps_the_defaults_of_the_rest() {
    let spec = json!({
        "smtp": { "host": "mail", "from": "a@example.org" },
        "mailService": { "autoscaling": { "maxReplicas": 3 } },
        "rabbitmq": { "managed": { "replicas": 3 } },
    });
    let mut defaulted = spec;
    apply_defaults(&schema()["properties"]["spec"], &mut defaulted);
    assert_eq!(defaulted["mailService"]["autoscaling"]["minReplicas"], 1);
    assert_eq!(defaulted["mailService"]["concurrency"], 16);
    assert_eq!(defaulted["rabbitmq"]["managed"]["storage"]["size"], "2Gi");
    assert_eq!(defaulted["rabbitmq"]["external"], Value::Null);
}

#[test]
fn samples_are_stacks_whose_every_field_is_known() {
    for yaml in [MINIMAL, FULL, EXTERNAL] {
        let first = serde_yaml::Deserializer::from_str(yaml).next().unwrap();
        let written: Value = serde::Deserialize::deserialize(first).unwrap();
        let read = serde_json::to_value(samples::stack(yaml)).unwrap();
        assert_contains("", &read, &written);
    }
}

fn assert_contains(path: &str, whole: &Value, part: &Value) {
    match part {
        Value::Object(fields) => {
            fields
                .iter()
                .for_each(|(name, field)| assert_contains(&format!("{path}.{name}"), &whole[name], field));
        }
        other => assert_eq!(whole, other, "{path}"),
    }
}
