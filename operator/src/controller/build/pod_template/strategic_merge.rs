//! A strategic merge, as Kubernetes applies it to pods: objects field by field, `null` removes a field, lists whose items have
//! a name item by item, and every other list as a whole.

use serde_json::Value;

/// The field that identifies the items of a list, as the Kubernetes API declares it (`x-kubernetes-patch-merge-key`).
fn merge_key(list: &str) -> Option<&'static str> {
    match list {
        "containers" | "initContainers" | "volumes" | "env" | "imagePullSecrets" => Some("name"),
        "volumeMounts" => Some("mountPath"),
        "volumeDevices" => Some("devicePath"),
        "ports" => Some("containerPort"),
        "topologySpreadConstraints" => Some("topologyKey"),
        "hostAliases" => Some("ip"),
        _ => None,
    }
}

/// Merges `patch` into an object.
pub(super) fn merge(into: &mut Value, patch: &Value) {
    merge_field("", into, patch);
}

fn merge_field(name: &str, into: &mut Value, patch: &Value) {
    match (into, patch) {
        (Value::Object(into), Value::Object(patch)) => {
            for (name, value) in patch {
                if value.is_null() {
                    into.remove(name);
                } else {
                    merge_field(name, into.entry(name).or_insert(Value::Null), value);
                }
            }
        }
        (Value::Array(into), Value::Array(patch)) if merge_key(name).is_some() => {
            merge_list(name, into, patch);
        }
        (into, patch) => *into = patch.clone(),
    }
}

/// Merges the items of a list by the field that tells them apart.
pub(super) fn merge_list(list: &str, into: &mut Vec<Value>, patch: &[Value]) {
    for item in patch {
        merge_item(list, into, item);
    }
}

fn merge_item(list: &str, into: &mut Vec<Value>, item: &Value) {
    let key = merge_key(list).unwrap_or_default();
    match into.iter_mut().find(|one| one[key] == item[key]) {
        // A volume is of one type: its strategy is `retainKeys`.
        Some(one) if list == "volumes" => *one = item.clone(),
        Some(one) => merge_field("", one, item),
        None => into.push(item.clone()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::merge;

    fn merged(mut into: Value, patch: &Value) -> Value {
        merge(&mut into, patch);
        into
    }

    #[test]
    fn objects_are_merged_field_by_field_and_null_removes_one() {
        let into = json!({ "nodeSelector": { "disk": "ssd", "zone": "a" }, "affinity": {}, "priorityClassName": "low" });
        let patch = json!({ "nodeSelector": { "zone": "b" }, "affinity": null, "priorityClassName": "high" });
        let expected = json!({ "nodeSelector": { "disk": "ssd", "zone": "b" }, "priorityClassName": "high" });
        assert_eq!(merged(into, &patch), expected);
    }

    #[test]
    fn lists_whose_items_have_a_name_are_merged_by_it_and_the_order_stays() {
        for (list, key) in [
            ("containers", "name"),
            ("initContainers", "name"),
            ("env", "name"),
            ("imagePullSecrets", "name"),
            ("volumeMounts", "mountPath"),
            ("ports", "containerPort"),
            ("topologySpreadConstraints", "topologyKey"),
            ("hostAliases", "ip"),
        ] {
            let into = json!({ list: [{ key: "a", "x": 1, "y": 1 }, { key: "b", "x": 2 }] });
            let patch = json!({ list: [{ key: "c" }, { key: "a", "x": 3 }] });
            let expected =
                json!({ list: [{ key: "a", "x": 3, "y": 1 }, { key: "b", "x": 2 }, { key: "c" }] });
            assert_eq!(merged(into, &patch), expected, "{list}");
        }
    }

    #[test]
    fn a_volume_of_another_type_replaces_the_one_before() {
        let into = json!({ "volumes": [{ "name": "a", "secret": { "secretName": "a" } }] });
        let patch = json!({ "volumes": [{ "name": "a", "emptyDir": {} }] });
        assert_eq!(merged(into, &patch), patch);
    }

    #[test]
    fn every_other_list_is_replaced() {
        for list in ["tolerations", "args", "command", "nameservers", "nodeSelectorTerms", "sources"] {
            let into = json!({ list: [{ "name": "a" }, { "name": "b" }] });
            let patch = json!({ list: [{ "name": "c" }] });
            assert_eq!(merged(into, &patch), patch, "{list}");
        }
    }
}
