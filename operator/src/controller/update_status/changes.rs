//! Which changes of conditions are Events, and which of those are warnings. Pure.
//!
//! One change of the stack is one Event: what `Ready` says of a part, the part does not say too. A start, and a rollout that
//! goes on as it should, are one Event at the beginning and one at the end.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::conditions::{ConditionType, Role};

/// Conditions that an ordinary start passes through.
const AT_START: &[&str] = &[
    "MembersMissing",
    "Missing",
    "NoReport",
    "PartlyUnusable",
    "Sending",
    "Starting",
    "Unschedulable",
    "VolumePending",
    "WaitingForBroker",
    "WaitingForSample",
];

/// The same, of a Redis that starts with the stack.
const AT_START_OF_REDIS: &[&str] =
    &["RedisAccessDenied", "RedisHostNotFound", "RedisLoading", "RedisUnreachable"];

/// The same, of a broker that starts with the stack.
const AT_START_OF_BROKER: &[&str] = &[
    "BrokerRefusesMonitor",
    "BrokerUnreachable",
    "QueueMembersMissing",
    "QueueMembersUnknown",
    "QueueMissing",
    "QueueUnavailable",
    "RabbitMqAccessDenied",
    "RabbitMqHostNotFound",
    "RabbitMqUnreachable",
];

/// Reasons that stay while their cause may be replaced by another, which the message names.
const OF_THE_SPEC: &[&str] = &[
    "InvalidSpec",
    "InvalidTemplates",
    "NameConflict",
    "SecretIncomplete",
    "SecretMissing",
    "UsingLastGood",
];

/// Reasons of conditions that are True and of which there is nothing to say but that.
const FINE: &[&str] = &["Available", "External", "Updating"];

/// What this pass found, beside what the status said before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pass<'a> {
    pub before: &'a [Condition],
    pub after: &'a [Condition],
    /// The types that are True although something is wrong.
    pub impaired: &'a [ConditionType],
    pub redis_is_managed: bool,
    pub broker_is_managed: bool,
}

impl<'a> Pass<'a> {
    /// The conditions that an Event tells of.
    pub(super) fn changes(&self) -> Vec<&'a Condition> {
        let changed = self.after.iter().filter(|new| self.is_change(new)).collect::<Vec<_>>();
        let ready = changed.iter().find(|one| is(one, ConditionType::Ready)).copied();
        let is_said = |new: &Condition| match ready {
            Some(ready) if is(new, ConditionType::Ready) || is_advisory(new) => {
                is(new, ConditionType::Stalled) && ready.reason == new.reason
            }
            Some(ready) if is_true(ready) => is_true(new) && !self.is_warning(new),
            Some(ready) => ready.reason == new.reason && !is_true(new),
            None => false,
        };
        changed.into_iter().filter(|new| !is_said(new)).collect()
    }

    /// Whether the Event of a condition is a warning.
    pub(super) fn is_warning(&self, new: &Condition) -> bool {
        if is(new, ConditionType::Stalled) {
            return true;
        }
        let impaired = self.impaired.iter().any(|type_| is(new, *type_));
        if is_true(new) {
            return impaired && !(self.is_starting() && self.is_passed_at_start(new));
        }
        let was_true = self.old(new).is_some_and(is_true);
        let is_expected = new.reason == "Paused" || new.reason == "Sending";
        !is_expected && (was_true || !self.is_passed_at_start(new))
    }

    fn is_change(&self, new: &Condition) -> bool {
        if is(new, ConditionType::Reconciling) {
            return false;
        }
        let Some(old) = self.old(new) else { return self.is_worth_an_event_when_new(new) };
        if old.status == new.status && old.reason == new.reason {
            let cause_may_differ =
                is(new, ConditionType::Ready) && OF_THE_SPEC.contains(&new.reason.as_str());
            return cause_may_differ && old.message != new.message;
        }
        let by_pause = |one: &Condition| one.reason == "Paused";
        if by_pause(new) || (by_pause(old) && is_true(new)) {
            return false;
        }
        match (is_true(old), is_true(new)) {
            (true, true) => [old, new].iter().any(|one| !FINE.contains(&one.reason.as_str())),
            (false, false) => {
                let goes_on = !is(new, ConditionType::Ready) || self.is_passed_at_start(old);
                !(self.is_passed_at_start(new) && goes_on)
            }
            _ => true,
        }
    }

    /// The first look at a stack is not a change of its parts.
    fn is_worth_an_event_when_new(&self, new: &Condition) -> bool {
        match ConditionType::named(&new.type_) {
            Some(ConditionType::Ready | ConditionType::Paused) => true,
            Some(ConditionType::Stalled) => !self.is_told_by_its_cause(new),
            _ => is_advisory(new) && self.is_warning(new),
        }
    }

    /// A standstill has the reason of the condition that it follows from, and that was an Event when it began.
    fn is_told_by_its_cause(&self, stalled: &Condition) -> bool {
        let is_cause = |one: &Condition| {
            let progress = [ConditionType::Stalled, ConditionType::Reconciling];
            one.reason == stalled.reason && !progress.iter().any(|type_| is(one, *type_))
        };
        !self.is_passed_at_start(stalled) && self.after.iter().any(is_cause)
    }

    fn is_starting(&self) -> bool {
        !self.before.iter().any(|one| is(one, ConditionType::Ready) && is_true(one))
    }

    fn is_passed_at_start(&self, condition: &Condition) -> bool {
        let has = |reasons: &[&str]| reasons.contains(&condition.reason.as_str());
        has(AT_START)
            || (self.redis_is_managed && has(AT_START_OF_REDIS))
            || (self.broker_is_managed && has(AT_START_OF_BROKER))
    }

    fn old(&self, new: &Condition) -> Option<&'a Condition> {
        self.before.iter().find(|old| old.type_ == new.type_)
    }
}

fn is(condition: &Condition, type_: ConditionType) -> bool {
    condition.type_ == type_.name()
}

fn is_true(condition: &Condition) -> bool {
    condition.status == "True"
}

fn is_advisory(condition: &Condition) -> bool {
    ConditionType::named(&condition.type_).is_some_and(|type_| type_.role() == Role::Advisory)
}
