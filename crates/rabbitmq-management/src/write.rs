//! One operation at a time. Each is a PUT of the whole object, or for a binding a POST, and may be repeated.

use ping_contract::{
    topology::{Binding, Vhost},
    topology_plan::{Operation, VhostState},
    users::{HASHING_ALGORITHM, PasswordHash, User},
};
use serde_json::{Value, json};

use crate::management::{Error, Management, segment};

/// Writes one operation's object to `vhost`.
pub(crate) async fn operation(
    management: &Management,
    vhost: &str,
    operation: &Operation,
) -> Result<(), Error> {
    let in_vhost = |kind: &str, name: &str| format!("{kind}/{}/{}", segment(vhost), segment(name));
    match operation {
        Operation::CreateVhost(vhost) => management.put(&vhost_path(vhost), &new_vhost(vhost)).await,
        Operation::ClaimVhost(vhost, tags) => management.put(&vhost_path(vhost), &claim(vhost, tags)).await,
        Operation::SetDefaultQueueType(vhost, before) => {
            let VhostState { tags, description, .. } = before;
            let kind = &vhost.default_queue_type;
            let body = json!({ "default_queue_type": kind, "tags": tags, "description": description });
            management.put(&vhost_path(vhost), &body).await
        }
        Operation::CreateExchange(exchange) => {
            management.put(&in_vhost("exchanges", &exchange.name), exchange).await
        }
        Operation::CreatePolicy(policy) | Operation::CorrectPolicy(policy) => {
            management.put(&in_vhost("policies", &policy.name), policy).await
        }
        Operation::CreateQueue(queue) => management.put(&in_vhost("queues", &queue.name), queue).await,
        Operation::CreateBinding(binding) => {
            let path = binding_path(vhost, binding);
            management.post(&path, &json!({ "routing_key": binding.routing_key })).await
        }
        Operation::CreateUser(user) | Operation::CorrectUser(user) => {
            management.put(&format!("users/{}", segment(&user.name)), &user_body(user)).await
        }
        Operation::SetPermissions(permissions) => {
            management.put(&in_vhost("permissions", &permissions.user), permissions).await
        }
    }
}

fn vhost_path(vhost: &Vhost) -> String {
    format!("vhosts/{}", segment(&vhost.name))
}

fn new_vhost(vhost: &Vhost) -> Value {
    let tags = vhost.owner.iter().collect::<Vec<_>>();
    json!({ "default_queue_type": vhost.default_queue_type, "tags": tags })
}

/// Only the tags: what else the vhost has stays (seen on `RabbitMQ` 4.0.5).
fn claim(vhost: &Vhost, tags: &[String]) -> Value {
    json!({ "tags": tags.iter().chain(&vhost.owner).collect::<Vec<_>>() })
}

fn binding_path(vhost: &str, binding: &Binding) -> String {
    format!("bindings/{}/e/{}/q/{}", segment(vhost), segment(&binding.exchange), segment(&binding.queue))
}

fn user_body(user: &User) -> Value {
    json!({
        "password_hash": PasswordHash::new(&user.password, user.salt),
        "hashing_algorithm": HASHING_ALGORITHM,
        "tags": user.role.tags().join(","),
    })
}
