//! What a user has beside a stack: mail servers, a proxy, and the pod that signs in.

mod client;
mod external;
mod mailpit;
mod pod;
mod proxy;
mod relay;
mod slow_mail;

pub use external::ExternalServers;
pub use proxy::URL as PROXY_URL;
pub use relay::Relay;
pub use slow_mail::SlowMail;

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Pod, Service},
};
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::{case::Case, cluster::objects::wait_rollout, deadline, stack::Stack};

/// The sample that brings Mailpit.
const SAMPLE: &str = "k8s/samples/pingstack-minimal.yaml";
/// Enough for fifteen minutes of twenty sign-ins a second, and their copies.
const MAX_MAILS: &str = "50000";

impl Case {
    /// Starts Mailpit and the pod `client`, and waits until both are ready.
    pub(crate) async fn start_neighbours(&self) {
        for object in self.mail_server() {
            match object["kind"].as_str() {
                Some("Service") => drop(self.apply::<Service>(object).await),
                Some("Deployment") => drop(self.apply::<Deployment>(object).await),
                _ => {}
            }
        }
        let _: Pod = self.apply(client::pod(&self.cluster)).await;
        wait_rollout(&self.api::<Deployment>(), "mailpit", deadline::OPERATOR).await;
        self.wait_pod_ready("client", deadline::OPERATOR).await;
        self.wait_client().await;
    }

    /// Applies the minimal sample with kubectl, as its user does, and returns its stack.
    pub async fn apply_minimal_sample(&self) -> Stack<'_> {
        // Mailpit is the sample's own now.
        self.delete::<Deployment>("mailpit").await;
        self.delete::<Service>("mailpit").await;
        let sample = self.cluster.repository.join(SAMPLE).display().to_string();
        self.kubectl(&["apply", "--filename", &sample]).await;
        self.stack("demo")
    }

    /// What the minimal sample has beside the stack.
    fn mail_server(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.cluster.repository.join(SAMPLE));
        let text = text.unwrap_or_else(|error| panic!("{SAMPLE} cannot be read: {error}"));
        let objects = serde_yaml::Deserializer::from_str(&text).map(Value::deserialize);
        let objects: Result<Vec<Value>, _> = objects.collect();
        let mut objects = objects.unwrap_or_else(|error| panic!("{SAMPLE} is no YAML: {error}"));
        for object in &mut objects {
            raise_mail_limit(object);
            if object["kind"] == "Deployment" {
                pod::prefer_first_node(&mut object["spec"]["template"]["spec"]);
            }
        }
        objects
    }
}

fn raise_mail_limit(object: &mut Value) {
    let Some(settings) = object.pointer_mut("/spec/template/spec/containers/0/env") else { return };
    for setting in settings.as_array_mut().into_iter().flatten() {
        if setting["name"] == "MP_MAX_MESSAGES" {
            setting["value"] = json!(MAX_MAILS);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_limit_of_mails_is_changed_in_the_sample() {
        let container = |limit: &str| {
            let settings =
                json!([{ "name": "A", "value": "1" }, { "name": "MP_MAX_MESSAGES", "value": limit }]);
            json!({ "spec": { "template": { "spec": { "containers": [{ "env": settings }] } } } })
        };
        let mut object = container("20000");
        raise_mail_limit(&mut object);
        assert_eq!(object, container(MAX_MAILS));
    }
}
