//! Reasons of the parts that run in the stack, from their workloads and pods.

use super::{FALSE, Row, TRUE};
use crate::conditions::ConditionType::{self, MailServiceReady, RabbitMqReady, RedisReady, UserServiceReady};

const PARTS: &[ConditionType] = &[RedisReady, RabbitMqReady, UserServiceReady, MailServiceReady];

/// True while enough pods serve nevertheless.
const EITHER: &[&str] = &["True", "False"];

pub(super) const ROWS: &[Row] = &[
    Row::new(PARTS, TRUE, &["Available"], "All pods have the newest template and serve."),
    Row::new(PARTS, TRUE, &["Updating"], "Pods are being replaced or added, and enough of them serve."),
    Row::new(
        PARTS,
        FALSE,
        &["Starting"],
        "Too few pods serve, or they have not tried their servers yet, and nothing is known to be wrong.",
    )
    .then("Wait. If it lasts, see the pods' logs."),
    Row::new(PARTS, FALSE, &["Missing"], "The Deployment or StatefulSet does not exist.")
        .then("Nothing, unless the stack is paused: the operator creates it."),
    Row::new(PARTS, EITHER, &["ImagePull"], "A node cannot pull the image of a pod.")
        .then("Check the image's name, the registry, and the pull secrets: `imagePullSecrets` of the operator's chart, or of a `podTemplate`."),
    Row::new(PARTS, EITHER, &["Crashing"], "A pod ends soon after each start.")
        .then("See its log, with the command in the message."),
    Row::new(PARTS, EITHER, &["CannotStart"], "A node cannot start the container of a pod.")
        .then("Correct what the kubelet says in the message: a missing Secret or key, a security policy."),
    Row::new(PARTS, EITHER, &["VolumePending"], "A pod waits for its volume.")
        .then("Do what the message says. It names the StorageClass, and why the volume does not exist."),
    Row::new(PARTS, EITHER, &["Unschedulable"], "No node takes a pod.").then(
        "Lower the resources that the part asks for, or add a node; the scheduler's message is repeated.",
    ),
    Row::new(PARTS, EITHER, &["QuotaExceeded"], "The quota of the namespace leaves no room for a pod.")
        .then("Raise the quota, or lower the resources that the part asks for."),
    Row::new(PARTS, EITHER, &["PodsRefused"], "An admission policy does not let a pod in.")
        .then("Ask who set the policy; its message is repeated."),
    Row::new(
        &[UserServiceReady, MailServiceReady],
        EITHER,
        &["ProgressDeadlineExceeded"],
        "New pods have not become ready for ten minutes.",
    )
    .then("See what the new pods report in the message, and their logs. Undo or correct the change."),
    Row::new(
        &[RabbitMqReady],
        EITHER,
        &["MembersMissing"],
        "Fewer brokers run as members of the cluster than there are pods.",
    )
    .then("Wait. If it lasts, see the logs of the brokers."),
    Row::new(
        &[RabbitMqReady],
        FALSE,
        &["ClusterSplit"],
        "The brokers do not see each other. Clients use those that are a majority.",
    )
    .then(
        "Wait for a minute: the operator restarts brokers that are apart from a majority of their cluster. If it lasts, do what \
         the message says.",
    ),
    Row::new(
        &[RabbitMqReady],
        EITHER,
        &["VolumeLost"],
        "A broker lost its volume and joins the others again with an empty one. They hold all mails.",
    )
    .then("Wait. If it lasts, the message says what it waits for."),
    Row::new(
        &[RabbitMqReady],
        EITHER,
        &["QuorumLost"],
        "Several brokers lost their volumes, so that mails may be gone. The operator changes nothing.",
    )
    .then("Decide as `docs/backup.md` says under \"When several volumes are lost\".")
    .needs_a_person(),
    Row::new(
        &[UserServiceReady],
        FALSE,
        &["ScaledToZero"],
        "user-service was scaled to 0 replicas. Users cannot sign in.",
    )
    .then("Scale its Deployment to at least 1."),
    Row::new(
        &[MailServiceReady],
        FALSE,
        &["NoConsumers"],
        "mail-service was scaled to 0 replicas. No mail is delivered.",
    )
    .then("Scale its Deployment to at least 1."),
];
