//! The condition `Ready`.

use super::{PAUSED, Past};
use crate::conditions::{ConditionType, Finding, Role};

/// True if every required condition is; else the first that is False, or the first that is Unknown. What is recent
/// does not make `Ready` False, but neither does `Ready` become True beside it. `conflicts` names objects of others that
/// stand where those of the stack belong.
#[must_use]
pub fn summary(findings: &[Finding], conflicts: &[String], past: &Past<'_>) -> Finding {
    if let Some(message) = conflict_message(conflicts) {
        return Finding::bad(ConditionType::Ready, "NameConflict", message);
    }
    let tolerates_recent = past.is_true(ConditionType::Ready);
    // The services report whether they can use their servers, and are heard while the stack is paused.
    let (paused, checked): (Vec<_>, Vec<_>) = findings
        .iter()
        .filter(|finding| finding.type_.role() == Role::Required)
        .partition(|finding| finding.status == "Unknown" && finding.reason == PAUSED);
    let required = || checked.iter().copied();
    let first = |status: &str| {
        required().find(|finding| finding.status == status && !(finding.recent && tolerates_recent))
    };
    if let Some(worst) = first("False").or_else(|| first("Unknown")) {
        let message = format!("{}: {}", worst.type_.name(), worst.message);
        return Finding { type_: ConditionType::Ready, message, ..worst.clone() };
    }
    let recent = required().find(|finding| finding.recent);
    let but = recent.into_iter().chain(paused);
    let but = but
        .map(|finding| format!("; {}: {}", finding.type_.name(), finding.message))
        .collect::<Vec<_>>()
        .concat();
    Finding::good(ConditionType::Ready, "Ready", format!("users can sign in{but}"))
}

/// What to do about objects of others; `None` if there are none.
pub(super) fn conflict_message(conflicts: &[String]) -> Option<String> {
    let objects = conflicts.join(", ");
    let message = || format!("{objects} is not owned by this stack and was not changed: rename or delete it");
    (!conflicts.is_empty()).then(message)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};

    use super::Past;
    use crate::conditions::{ConditionType, Finding, Role, stamp};

    fn summary(findings: &[Finding], conflicts: &[String]) -> Finding {
        let past = Past { conditions: &[], generation: None, now: Timestamp::UNIX_EPOCH };
        super::summary(findings, conflicts, &past)
    }

    #[test]
    fn the_summary_is_the_worst_of_all() {
        let good = Finding::good(ConditionType::RedisReady, "Available", "");
        let unknown = Finding::unknown(ConditionType::TopologyReady, "QueueMembersUnknown", "nobody says");
        let bad = Finding::bad(ConditionType::UserServiceReady, "ImagePull", "no image");
        assert_eq!(summary(std::slice::from_ref(&good), &[]).status, "True");
        assert_eq!(summary(&[good.clone(), unknown.clone()], &[]).status, "Unknown");
        let worst = summary(&[good.clone(), unknown, bad], &[]);
        assert_eq!((worst.status, worst.reason.as_str()), ("False", "ImagePull"));
        assert_eq!(worst.message, "UserServiceReady: no image");
        let conflict = summary(&[good], &["Service demo-redis".to_owned()]);
        assert_eq!(conflict.reason, "NameConflict");
        assert!(conflict.message.starts_with("Service demo-redis is not owned by this stack"));
    }

    #[test]
    fn what_is_not_checked_in_a_pause_is_said_and_does_not_take_ready_away() {
        let serves = Finding::good(ConditionType::UserServiceReady, "Available", "");
        let paused = super::super::not_checked(ConditionType::TopologyReady, "queues");
        let found = summary(&[serves, paused.clone()], &[]);
        assert_eq!(found.status, "True");
        assert!(found.message.ends_with("; TopologyReady: not checked while spec.paused is true: queues"));
        let bad = Finding::bad(ConditionType::RedisReady, "Missing", "");
        assert_eq!(summary(&[bad, paused], &[]).reason, "Missing");
    }

    /// A finding for which no rule exists.
    fn invented(type_: ConditionType, status: &'static str) -> Finding {
        let reason = "Invented".to_owned();
        let message = String::new();
        Finding { type_, status, reason, message, impaired: false, recent: false }
    }

    #[test]
    fn an_advisory_condition_never_lowers_ready() {
        let advisory = ConditionType::ALL.into_iter().filter(|type_| type_.role() == Role::Advisory);
        for type_ in advisory {
            let bad = [invented(type_, "False"), invented(type_, "Unknown")];
            assert_eq!(summary(&bad, &[]).status, "True", "{type_:?}");
        }
        assert_eq!(summary(&[invented(ConditionType::RedisReady, "False")], &[]).status, "False");
    }

    #[test]
    fn what_is_recent_leaves_ready_as_it_was() {
        let recent = Finding { recent: true, ..invented(ConditionType::MailServiceReady, "False") };
        let lasting = Finding { recent: false, ..recent.clone() };
        for (was, finding, is) in [
            ("True", &recent, "True"),
            ("True", &lasting, "False"),
            ("False", &recent, "False"),
            ("Unknown", &recent, "False"),
        ] {
            let ready =
                stamp(vec![invented(ConditionType::Ready, was)], &[], None, &Time(Timestamp::UNIX_EPOCH));
            let past = Past { conditions: &ready, generation: None, now: Timestamp::UNIX_EPOCH };
            let found = super::summary(std::slice::from_ref(finding), &[], &past);
            assert_eq!(found.status, is, "{was}, recent: {}", finding.recent);
            assert!(found.message.contains("MailServiceReady"), "{}", found.message);
        }
    }
}
