//! PingStacks of a case, as JSON, so that a case can write what a user could.

pub(crate) mod chart;
mod children;
mod conditions;
mod consumers;
pub mod load;
pub mod management;
pub(crate) mod user;

use std::time::Duration;

use kube::{
    Api,
    api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use crate::{
    case::Case,
    cluster::objects::MANAGER,
    crd_version::version,
    deadline,
    pingstack::stacks,
    wait::{chain, eventually, seen},
};

/// A stack without limits and with small requests, so that many fit on a node.
fn small(name: &str) -> Value {
    let little = |cpu: &str| json!({ "requests": { "cpu": cpu } });
    json!({
        "apiVersion": format!("pingstack.dev/{}", version()), "kind": "PingStack", "metadata": { "name": name },
        "spec": {
            "login": { "resendAfterSeconds": 0, "limits": {
                "codesPerAddress": 0, "codesPerAddressPerDay": 0, "loginsPerClient": 0,
                "wrongCodesPerClient": 0, "wrongCodesPerAddressPerDay": 0,
            } },
            "smtp": { "host": "mailpit", "port": 1025, "tls": "None", "from": "Ping <no-reply@example.org>" },
            "redis": { "managed": { "storage": { "size": "256Mi" }, "resources": little("5m") } },
            "rabbitmq": { "managed": { "storage": { "size": "512Mi" }, "resources": little("20m") } },
            "userService": { "resources": little("5m") },
            "mailService": { "resources": little("5m") },
        },
    })
}

/// A stack of a case by its name, there or not.
pub struct Stack<'a> {
    pub(crate) case: &'a Case,
    pub name: String,
}

impl Case {
    /// The stack of this name.
    #[must_use]
    pub fn stack(&self, name: &str) -> Stack<'_> {
        Stack { case: self, name: name.to_owned() }
    }

    /// A small stack `demo` with `spec` merged into its own, once it is ready.
    pub async fn ready_stack(&self, spec: Value) -> Stack<'_> {
        let demo = self.stack("demo");
        demo.apply(spec).await;
        demo.wait_ready().await;
        demo
    }
}

impl Stack<'_> {
    /// Applies a small stack with `spec` merged into its own by the rules of a JSON merge patch: `null` removes a field.
    pub async fn apply(&self, spec: Value) {
        let mut stack = small(&self.name);
        merge(&mut stack["spec"], spec);
        let applied =
            self.api().patch(&self.name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(stack)).await;
        applied.unwrap_or_else(|error| panic!("the stack {} was refused: {}", self.name, chain(error)));
    }

    /// Creates a small stack like `apply`, or says why it was refused.
    pub async fn try_create(&self, spec: Value) -> Result<(), String> {
        let mut stack = small(&self.name);
        merge(&mut stack["spec"], spec);
        let stack = serde_json::from_value(stack).map_err(chain)?;
        self.api().create(&PostParams::default(), &stack).await.map(drop).map_err(chain)
    }

    /// Changes fields of its spec by JSON merge patch.
    pub async fn patch(&self, spec: Value) {
        self.patch_object(json!({ "spec": spec })).await;
    }

    pub async fn annotate(&self, name: &str, value: &str) {
        self.patch_object(json!({ "metadata": { "annotations": { name: value } } })).await;
    }

    async fn patch_object(&self, patch: Value) {
        let patched = self.api().patch(&self.name, &PatchParams::default(), &Patch::Merge(patch)).await;
        patched.unwrap_or_else(|error| panic!("the change of {} was refused: {}", self.name, chain(error)));
    }

    /// Deletes it, without waiting for its objects.
    pub async fn delete(&self) {
        self.delete_with(DeleteParams::default()).await;
    }

    /// Deletes it after its objects, and waits until all are gone, as `kubectl delete --cascade=foreground` does.
    pub async fn delete_in_the_foreground(&self) {
        self.delete_with(DeleteParams::foreground()).await;
        self.wait_gone(deadline::NAMESPACE).await;
    }

    /// Waits until the object is gone.
    pub async fn wait_gone(&self, deadline: Duration) {
        eventually(format!("the stack {} to be gone", self.name), deadline, async || {
            let stack = self.api().get_opt(&self.name).await.map_err(chain)?;
            seen(stack.is_none(), || "it is being deleted".to_owned())
        })
        .await;
    }

    async fn delete_with(&self, parameters: DeleteParams) {
        let deleted = self.api().delete(&self.name, &parameters).await;
        drop(deleted.unwrap_or_else(|error| panic!("could not delete {}: {}", self.name, chain(error))));
    }

    /// The name of a part's workload, Service and Secret, such as `demo-redis`.
    #[must_use]
    pub fn part(&self, part: &str) -> String {
        format!("{}-{part}", self.name)
    }

    /// Where user-service answers inside the namespace.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}-user-service", self.name)
    }

    pub async fn object(&self) -> Value {
        self.look().await.unwrap_or_else(|error| panic!("no stack {}: {error}", self.name))
    }

    async fn look(&self) -> Result<Value, String> {
        let stack = self.api().get(&self.name).await.map_err(chain)?;
        serde_json::to_value(stack).map_err(chain)
    }

    fn api(&self) -> Api<DynamicObject> {
        stacks(self.case.kube(), &self.case.namespace)
    }
}

/// RFC 7386: objects are merged, `null` removes, everything else replaces.
fn merge(into: &mut Value, patch: Value) {
    let Value::Object(fields) = patch else {
        *into = patch;
        return;
    };
    if !into.is_object() {
        *into = json!({});
    }
    for (name, value) in fields {
        if value.is_null() {
            if let Some(object) = into.as_object_mut() {
                object.remove(&name);
            }
        } else {
            merge(&mut into[&name], value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_merge_replaces_removes_and_adds() {
        let mut into = json!({ "a": { "b": 1, "c": 2 }, "d": [1] });
        merge(&mut into, json!({ "a": { "b": null, "e": { "f": 3 } }, "d": [2, 3] }));
        assert_eq!(into, json!({ "a": { "c": 2, "e": { "f": 3 } }, "d": [2, 3] }));
    }

    #[test]
    fn an_external_server_takes_the_place_of_a_managed_one() {
        let mut stack = small("demo");
        merge(
            &mut stack["spec"],
            json!({ "redis": { "managed": null, "external": { "urlSecretRef": { "name": "r" } } } }),
        );
        assert_eq!(stack["spec"]["redis"], json!({ "external": { "urlSecretRef": { "name": "r" } } }));
    }
}
