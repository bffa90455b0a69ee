//! Reasons of kstatus' conditions.

use super::{Row, TRUE};
use crate::conditions::ConditionType;

const RECONCILING: &[ConditionType] = &[ConditionType::Reconciling];
const STALLED: &[ConditionType] = &[ConditionType::Stalled];

pub(super) const ROWS: &[Row] = &[
    Row::new(RECONCILING, TRUE, &["RollingOut"], "Pods are being created or replaced after a change.").then("Wait."),
    Row::new(RECONCILING, TRUE, &["TopologyPending"], "The objects on the broker are not as the spec says yet.")
        .then("See `TopologyReady`."),
    Row::new(
        RECONCILING,
        TRUE,
        &["SecretMissing", "SecretIncomplete"],
        "A Secret that the spec names has been missing, or lacking a key, for less than 30 s.",
    )
    .then("Create the Secret."),
    Row::new(
        RECONCILING,
        TRUE,
        &["ApplyFailed", "SecretUnreadable"],
        "The API server could not do what the operator asked. It is tried again.",
    )
    .then("See what it says in the message."),
    Row::new(
        STALLED,
        TRUE,
        &["ImagePull", "Crashing", "CannotStart", "QuotaExceeded", "PodsRefused"],
        "A pod of a part has not been able to start for 30 s. The message names part, image and cause. Older pods serve on.",
    )
    .then("See the same reasons of the parts. Undoing the change is enough: the condition goes away by itself."),
    Row::new(
        STALLED,
        TRUE,
        &["VolumePending", "Unschedulable"],
        "A pod of a part has waited for a node or a volume for two minutes.",
    )
    .then("See the same reasons of the parts."),
    Row::new(
        STALLED,
        TRUE,
        &["ProgressDeadlineExceeded"],
        "New pods of a part have not become ready for ten minutes.",
    )
    .then("See the same reason of the parts."),
    Row::new(
        STALLED,
        TRUE,
        &[
            "NameConflict",
            "InvalidSpec",
            "SecretMissing",
            "SecretIncomplete",
            "SecretUnreadable",
            "Unreadable",
            "BuildFailed",
            "ApplyFailed",
            "TopologyConflict",
            "UnsupportedVersion",
            "QuorumLost",
        ],
        "The operator cannot do what the spec says until a person acts. A Secret has been missing for 30 s.",
    )
    .then("See the same reasons of `Ready`, `RabbitMQReady` and `TopologyReady`."),
];
