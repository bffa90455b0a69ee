//! Whether somebody changed an object of ours, pure. Its version does not tell: controllers write the status of an object all the
//! time, and the cache has it a moment later.

use kube::ResourceExt as _;
use serde_json::Value;

use crate::watches::ChildKind;

/// An object of which both the cluster and the operator have a say.
pub(super) struct Applied<'a, K> {
    /// As it was built.
    pub(super) desired: &'a K,
    /// As the cache had it before it was applied.
    pub(super) before: &'a K,
    /// As the API server has it since.
    pub(super) after: &'a K,
    /// The version that the last pass left.
    pub(super) last_version: Option<&'a str>,
}

impl<K: ChildKind> Applied<'_, K> {
    /// Whether something that the operator sets was another before.
    pub(super) fn corrected(&self) -> bool {
        // A cache that is behind has what the operator itself has changed since.
        let version = |text: &str| text.parse::<u64>().ok();
        let cached = self.before.resource_version();
        let is_behind = cached.as_deref().and_then(version) < self.last_version.and_then(version);
        let [desired, before, after] = [self.desired, self.before, self.after]
            .map(|object| serde_json::to_value(object).unwrap_or_default());
        !is_behind && differs(&desired, &before, &after)
    }
}

/// Whether `before` and `after` differ in a field that `desired` has. Both come from the API server, and have its defaults
/// and its way to write a quantity.
fn differs(desired: &Value, before: &Value, after: &Value) -> bool {
    match (desired, before, after) {
        (Value::Object(desired), Value::Object(before), Value::Object(after)) => {
            let field =
                |object: &serde_json::Map<String, Value>, name| object.get(name).cloned().unwrap_or_default();
            desired.iter().any(|(name, desired)| differs(desired, &field(before, name), &field(after, name)))
        }
        (Value::Array(desired), Value::Array(before), Value::Array(after)) => {
            let differs = |(index, (before, after)): (usize, (&Value, &Value))| match desired.get(index) {
                Some(desired) => differs(desired, before, after),
                None => before != after,
            };
            before.len() != after.len() || before.iter().zip(after).enumerate().any(differs)
        }
        _ => before != after,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::differs;

    #[test]
    fn only_what_the_operator_sets_is_compared() {
        let desired = json!({ "spec": { "replicas": 2, "containers": [{ "name": "a", "image": "x" }] } });
        let stored = |replicas: i32, image: &str, extra: &str| {
            let container = json!({ "name": "a", "image": image, "terminationMessagePath": extra });
            json!({ "spec": { "replicas": replicas, "containers": [container], "paused": extra }, "status": extra })
        };
        let applied = stored(2, "x", "1");
        assert!(!differs(&desired, &stored(2, "x", "2"), &applied));
        assert!(differs(&desired, &stored(3, "x", "1"), &applied));
        assert!(differs(&desired, &stored(2, "y", "1"), &applied));
        assert!(differs(&desired, &json!({ "spec": { "replicas": 2 } }), &applied));
    }
}
