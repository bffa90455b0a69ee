//! The Job that lets the brokers of a stack forget one that lost its volume. It runs in the stack's namespace, with the
//! cookie that brokers know each other by; the operator executes nothing in a pod.

use k8s_openapi::api::batch::v1::Job;
use pingstack_crd::rabbitmq::ManagedRabbitMq;
use serde_json::{Value, json};

use super::{
    Context, Error,
    broker_topology::{BrokerNode, Target},
    metadata, object,
    pod::{self, SERVER_UID, env, env_secret},
    pod_template::{Additions, Life},
    rabbitmq,
};
use crate::{
    controller::hash::ContentHash,
    names::{Part, StackId},
};

/// Further tries, where a broker does not answer.
const TRIES: i32 = 3;

/// The command takes seconds.
const DEADLINE_SECONDS: i64 = 120;

/// The brokers of a stack, and what a Job that talks to them needs.
#[derive(Debug, Clone)]
pub struct BrokerRepair {
    /// The brokers, by ordinal.
    pub nodes: Vec<BrokerNode>,
    id: StackId,
    image: String,
    image_pull_policy: String,
    resources: Value,
    security: Value,
    additions: Additions,
}

/// A broker that lost its volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostBroker {
    /// The name of its pod.
    pub pod: String,
    /// Its name in the cluster, `rabbit@…`.
    pub node: String,
    /// The uid of the claim of its new, empty volume.
    pub volume: String,
}

/// The repair of a stack with several brokers; `None` for one broker, or brokers of others.
pub(super) fn build(context: &Context<'_>, spec: &ManagedRabbitMq, target: &Target) -> Option<BrokerRepair> {
    let Target::Managed(nodes) = target else { return None };
    (nodes.len() > 1).then(|| BrokerRepair {
        nodes: nodes.clone(),
        id: context.stack.id.clone(),
        image: context.platform.images.rabbitmq.clone(),
        image_pull_policy: context.platform.image_pull_policy.clone(),
        resources: pod::resources(&spec.resources, rabbitmq::RESOURCES),
        security: pod::pod_security(context, SERVER_UID),
        additions: Additions::of(context, Part::RabbitMq),
    })
}

impl BrokerRepair {
    /// The Job that tells the node `asked` to forget the lost one. Its name carries the uid of the claim of the new volume:
    /// it is created once for each loss.
    pub fn forget(&self, lost: &LostBroker, asked: &str) -> Result<Job, Error> {
        let hash = ContentHash::default().bytes(&lost.pod).bytes(&lost.volume).finish();
        let name = format!("{}-{hash}", self.id.broker_repair());
        let template = json!({
            "metadata": { "labels": self.id.broker_repair_selector() },
            "spec": {
                "restartPolicy": "Never",
                "serviceAccountName": self.id.part(Part::RabbitMq),
                "automountServiceAccountToken": false,
                "enableServiceLinks": false,
                "securityContext": self.security,
                // Erlang wants a name with a domain for itself.
                "hostname": "forget",
                "subdomain": self.id.broker_nodes(),
                "containers": [self.container(&lost.node, asked)],
                "volumes": [
                    { "name": "home", "emptyDir": { "sizeLimit": "16Mi" } },
                    { "name": "tmp", "emptyDir": { "sizeLimit": "64Mi" } },
                ],
            },
        });
        let template = self.additions.added_to(template, Life::Ends).map_err(Error::PodTemplate)?;
        object(json!({
            "metadata": metadata(&self.id, Part::RabbitMq, &name),
            "spec": {
                "backoffLimit": TRIES,
                "activeDeadlineSeconds": DEADLINE_SECONDS,
                "template": template.pod,
            },
        }))
    }

    fn container(&self, node: &str, asked: &str) -> Value {
        json!({
            "name": "forget-node",
            "image": self.image,
            "imagePullPolicy": self.image_pull_policy,
            "command": ["rabbitmqctl", "--longnames", "--node", asked, "forget_cluster_node", node],
            "env": [
                env("RABBITMQ_USE_LONGNAME", true),
                env_secret("RABBITMQ_ERLANG_COOKIE", &self.id.part(Part::RabbitMq), "erlang-cookie"),
                env("HOME", "/var/lib/rabbitmq-home"),
            ],
            "resources": self.resources,
            "securityContext": pod::container_security(),
            "volumeMounts": [
                { "name": "home", "mountPath": "/var/lib/rabbitmq-home" },
                { "name": "tmp", "mountPath": "/tmp" },
            ],
        })
    }
}
