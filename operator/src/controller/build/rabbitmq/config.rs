//! The broker's configuration files, pure.

use std::fmt::Write as _;

use ping_contract::users::{HASHING_ALGORITHM, PasswordHash};
use pingstack_crd::rabbitmq::ManagedRabbitMq;
use serde_json::json;

use super::{
    super::{pod, quantity::Quantity},
    RESOURCES,
};
use crate::{
    controller::secrets::{BROKER_ADMIN, StackSecrets},
    names::StackId,
    secret_values::{salt, text},
};

/// The management API for the operator, metrics for Prometheus.
pub(super) const PLUGINS: &str = "[rabbitmq_management,rabbitmq_prometheus].\n";

/// A retry that could not be returned to its queue is tried again after 10 s instead of 180 s.
pub(super) const ADVANCED: &str = "[{rabbit,[{dead_letter_worker_publisher_confirm_timeout,10000}]}].\n";

/// The preStop hook. It reads the list of nodes when it runs, so that the pod template does not depend on their number.
pub(super) const PRE_STOP: &str = include_str!("pre-stop");

/// Every setting but the list of nodes.
pub(super) fn settings(spec: &ManagedRabbitMq) -> String {
    let limit =
        Quantity::parse(&pod::memory_limit(&spec.resources, RESOURCES)).map_or(1 << 30, Quantity::units);
    let memory = limit / 10 * 6;
    // Publishers are stopped before the volume is full: a full one can lose the broker.
    let disk = Quantity::parse(&spec.storage.size).map_or(memory, |size| memory.min(size.units() / 4));
    // pause_minority is for the metadata store that 4.0 and 4.1 begin with; 4.3 has none but Khepri, which needs no
    // such strategy, and takes the setting without a word.
    format!(
        "listeners.tcp.default = 5672\n\
         management.tcp.port = 15672\n\
         prometheus.tcp.port = 15692\n\
         auth_mechanisms.1 = PLAIN\n\
         auth_mechanisms.2 = AMQPLAIN\n\
         load_definitions = /etc/rabbitmq-config/definitions.json\n\
         cluster_partition_handling = pause_minority\n\
         quorum_queue.continuous_membership_reconciliation.enabled = true\n\
         quorum_queue.continuous_membership_reconciliation.auto_remove = false\n\
         quorum_queue.continuous_membership_reconciliation.interval = 30000\n\
         quorum_queue.continuous_membership_reconciliation.trigger_interval = 5000\n\
         quorum_queue.continuous_membership_reconciliation.target_group_size = 5\n\
         raft.wal_max_size_bytes = 67108864\n\
         vm_memory_high_watermark.absolute = {memory}\n\
         disk_free_limit.absolute = {disk}\n\
         log.console = true\n\
         log.console.level = warning\n"
    )
}

/// Exactly as many nodes as there are pods: a lone broker that knows of five waits two minutes for them.
///
/// A node that lost its volume is refused by the others until they forget it. By default it gives up after ten tries and
/// forms a cluster of its own, which clients cannot tell from the right one; it must try for ever. 4.0.5 takes a number only.
pub(super) fn nodes(id: &StackId, replicas: i32) -> String {
    let mut text = "cluster_formation.peer_discovery_backend = classic_config\n".to_owned();
    for ordinal in 0..replicas {
        let number = ordinal + 1;
        let node = id.broker_node(ordinal);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "cluster_formation.classic_config.nodes.{number} = {node}");
    }
    if replicas > 1 {
        text += "cluster_formation.discovery_retry_limit = 1000000\n\
                 cluster_formation.discovery_retry_interval = 2000\n";
    }
    text
}

/// The administrator, with the hash of its password, at every start: the volumes outlive the stack, and with a new
/// Secret on a kept volume the old password would lock the operator out. It also keeps `guest` from being made.
pub(super) fn definitions(secrets: &StackSecrets) -> String {
    let secret = secrets.broker.as_deref();
    let hash = secret.map(|secret| PasswordHash::new(&text(secret, "password"), salt(secret, "salt")));
    let definitions = json!({
        "users": [{
            "name": BROKER_ADMIN,
            "password_hash": hash,
            "hashing_algorithm": HASHING_ALGORITHM,
            "tags": ["administrator"],
            "limits": {},
        }],
    });
    format!("{definitions:#}\n")
}
