//! What the broker has.

use std::collections::BTreeMap;

use ping_contract::{
    topology::{Binding, Desired, Exchange, Policy, Queue},
    topology_plan::{Actual, QueueState, UserState, VhostState},
    users::{PasswordHash, Permissions},
};
use serde::Deserialize;

use crate::management::{Error, Management, OVERVIEW, segment};

#[derive(Deserialize)]
struct Overview {
    rabbitmq_version: String,
}

#[derive(Deserialize)]
struct VhostAnswer {
    default_queue_type: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    description: Option<String>,
}

#[derive(Deserialize)]
struct QueueAnswer {
    #[serde(flatten)]
    queue: Queue,
    policy: Option<String>,
    exclusive: Option<bool>, // null for quorum queues
    auto_delete: Option<bool>,
}

#[derive(Deserialize)]
struct BindingAnswer {
    #[serde(flatten)]
    binding: Binding,
    destination_type: String,
}

#[derive(Deserialize)]
struct UserAnswer {
    password_hash: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
}

/// Reads the vhost, what is in it, and the users that are desired.
pub(crate) async fn actual(management: &Management, desired: &Desired) -> Result<Actual, Error> {
    let overview = management.required::<Overview>(OVERVIEW).await?;
    let mut actual = Actual { server_version: overview.rabbitmq_version, ..Actual::default() };
    actual.users = users(management, desired).await?;
    let vhost = segment(&desired.vhost.name);
    let Some(answer) = management.get::<VhostAnswer>(&format!("vhosts/{vhost}")).await? else {
        return Ok(actual);
    };
    // "undefined" is how RabbitMQ spells that none was set.
    let default_queue_type = answer.default_queue_type.filter(|kind| kind != "undefined");
    let description = answer.description.unwrap_or_default();
    actual.vhost = Some(VhostState { default_queue_type, tags: answer.tags, description });
    actual.exchanges = management.required::<Vec<Exchange>>(&format!("exchanges/{vhost}")).await?;
    actual.policies = management.required::<Vec<Policy>>(&format!("policies/{vhost}")).await?;
    actual.permissions =
        management.required::<Vec<Permissions>>(&format!("vhosts/{vhost}/permissions")).await?;
    // Without statistics: those are seconds old, and would show a policy that was just corrected as outranked.
    let queues = format!("queues/{vhost}?disable_stats=true&enable_queue_totals=true");
    actual.queues = management
        .required::<Vec<QueueAnswer>>(&queues)
        .await?
        .into_iter()
        .map(|answer| QueueState {
            queue: answer.queue,
            transient: answer.exclusive == Some(true) || answer.auto_delete == Some(true),
            policy: answer.policy.filter(|name| !name.is_empty()),
        })
        .collect();
    actual.bindings = management
        .required::<Vec<BindingAnswer>>(&format!("bindings/{vhost}"))
        .await?
        .into_iter()
        .filter(|answer| answer.destination_type == "queue" && !answer.binding.exchange.is_empty())
        .map(|answer| answer.binding)
        .collect();
    Ok(actual)
}

async fn users(management: &Management, desired: &Desired) -> Result<BTreeMap<String, UserState>, Error> {
    let mut users = BTreeMap::new();
    for user in &desired.users {
        let answer = management.get::<UserAnswer>(&format!("users/{}", segment(&user.name))).await?;
        let Some(UserAnswer { password_hash, tags }) = answer else { continue };
        // A user without a password has an empty one.
        let password_hash = password_hash.filter(|hash| !hash.is_empty()).map(PasswordHash::from_broker);
        users.insert(user.name.clone(), UserState { password_hash, tags });
    }
    Ok(users)
}
