//! Reasons of the summary itself. It also has those of the condition that keeps it from being True.

use super::{FALSE, Row, TRUE};
use crate::conditions::ConditionType;

const TYPES: &[ConditionType] = &[ConditionType::Ready];

pub(super) const ROWS: &[Row] = &[
    Row::new(TYPES, TRUE, &["Ready"], "Users can sign in. The message names what has failed for less than a minute."),
    Row::new(
        TYPES,
        FALSE,
        &["NameConflict"],
        "An object that the stack does not own has a name that the stack needs. It was not changed.",
    )
    .then("Rename or delete that object, or choose another name for the stack."),
    Row::new(TYPES, FALSE, &["InvalidSpec"], "The spec contradicts itself, or a value cannot be parsed.")
        .then("Correct the field that the message names."),
    Row::new(TYPES, FALSE, &["SecretMissing"], "A Secret that the spec names does not exist.")
        .then("Create the Secret, or correct the name."),
    Row::new(TYPES, FALSE, &["SecretIncomplete"], "A Secret that the spec names lacks a key.")
        .then("Add the key, or correct the reference."),
    Row::new(TYPES, FALSE, &["SecretUnreadable"], "The API server does not let the operator read a Secret.")
        .then("Upgrade the operator's chart, whose roles say that it may; see what else the API server says."),
    Row::new(
        TYPES,
        FALSE,
        &["Unreadable"],
        "This release of the operator cannot read the object. It leaves everything as it is.",
    )
    .then("Correct the object with `kubectl edit`, or upgrade the operator."),
    Row::new(TYPES, FALSE, &["BuildFailed"], "The operator built a manifest that Kubernetes does not accept.")
        .then("Report it as a fault of the operator, with the message."),
    Row::new(TYPES, FALSE, &["ApplyFailed"], "The API server refused an object. It is tried again.")
        .then("See what the API server says in the message: an admission policy, or a missing right of the operator."),
    Row::new(TYPES, FALSE, &["QuotaExceeded"], "A quota of the namespace leaves no room for an object.")
        .then("Raise the quota, or lower what the stack asks for."),
];
