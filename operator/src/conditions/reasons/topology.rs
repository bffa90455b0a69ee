//! Reasons of the objects on the broker.

use super::{FALSE, Row, TRUE, UNKNOWN};
use crate::conditions::ConditionType;

const TYPES: &[ConditionType] = &[ConditionType::TopologyReady];

pub(super) const ROWS: &[Row] = &[
    Row::new(
        TYPES,
        TRUE,
        &["Applied"],
        "RabbitMQ has the exchanges, queues, policies and users of the stack.",
    ),
    Row::new(TYPES, TRUE, &["AppliedWithWarnings"], "The same, and something should be known.")
        .then("Read the message."),
    Row::new(TYPES, FALSE, &["WaitingForBroker"], "No broker of the stack serves.")
        .then("See `RabbitMQReady`."),
    Row::new(
        TYPES,
        FALSE,
        &["BrokerUnreachable"],
        "The management API does not answer, or refuses the operator.",
    )
    .then("Check the broker, `rabbitmq.external.managementUrl` and the Secret of `adminSecretRef`."),
    Row::new(TYPES, FALSE, &["ClusterSplit"], "The brokers are not one cluster. Nothing is written to them.")
        .then("See `RabbitMQReady`."),
    Row::new(TYPES, FALSE, &["UnsupportedVersion"], "Ping cannot work with the version of the broker.")
        .then("Upgrade the broker as the message says. Nothing is written to it.")
        .needs_a_person(),
    Row::new(
        TYPES,
        FALSE,
        &["TopologyConflict"],
        "A queue, policy or vhost with another owner has a name that the stack needs.",
    )
    .then("Do what the message says. The operator deletes nothing that may hold mails.")
    .needs_a_person(),
    Row::new(TYPES, FALSE, &["QueueMembersMissing"], "A queue has fewer members than there are brokers.")
        .then("Wait: the brokers add members by themselves once all of them run."),
    Row::new(TYPES, UNKNOWN, &["QueueMembersUnknown"], "The broker does not name the members of its queues.")
        .then("See whether most brokers run."),
];
