//! What the condition `RabbitMQReady` says of the stack's own brokers, pure. It counts members of the cluster: a pod whose port
//! is open may be a cluster of its own.

use std::collections::BTreeSet;

use super::members::{Brokers, Membership};
use crate::{conditions::Finding, controller::findings::Problem};

/// `of_pods` is what the pods alone say; `problem` is what ails them.
#[must_use]
pub(in crate::controller) fn finding(
    of_pods: Finding,
    problem: Option<&Problem>,
    brokers: &Brokers,
) -> Finding {
    let running = match brokers.membership() {
        Membership::Unknown(_) => return of_pods,
        Membership::Split { views, can_rejoin, .. } => {
            return Finding::bad(of_pods.type_, "ClusterSplit", split(&views, &can_rejoin));
        }
        Membership::United { running } => running.len(),
    };
    let wanted = brokers.0.len();
    let counts = format!("{running} of {wanted} brokers run as members of the cluster");
    let message = problem.map_or_else(|| counts.clone(), |problem| format!("{counts}; {}", problem.message));
    if running * 2 <= wanted {
        let reason = problem.map_or("MembersMissing", |problem| problem.reason);
        return Finding::bad(of_pods.type_, reason, message);
    }
    let complete = of_pods.reason == "Available";
    let reason =
        if complete && running < wanted { "MembersMissing".to_owned() } else { of_pods.reason.clone() };
    let impaired = of_pods.impaired || reason == "MembersMissing";
    Finding { reason, message, impaired, ..of_pods }
}

/// What is done about brokers that do not see each other, or what to do. `restarted` are the pods that the operator deletes.
fn split(views: &str, restarted: &BTreeSet<String>) -> String {
    let state = format!("the brokers are not one cluster, and nothing is written to any of them: {views}");
    if restarted.is_empty() {
        return format!(
            "{state}; delete the pods of the smaller side one by one, and where that does not help, their volumes too: mail \
             that only they have is lost"
        );
    }
    let pods = restarted.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    format!("{state}; the operator restarts {pods} if this lasts for 30 s")
}

/// A finding of each reason, for the tests of conditions.
#[cfg(test)]
pub(in crate::controller) fn examples() -> Vec<Finding> {
    use crate::fixtures::brokers;
    let complete = tests::complete;
    vec![
        finding(complete(), None, &brokers([&[0, 1], &[0, 1], &[]])),
        finding(complete(), None, &brokers([&[0], &[], &[]])),
        finding(complete(), None, &brokers([&[0], &[1, 2], &[1, 2]])),
    ]
}

#[cfg(test)]
mod tests {
    use super::{super::members::Brokers, Problem, finding};
    use crate::{
        conditions::{ConditionType, Finding},
        fixtures::{brokers, members},
    };

    const TYPE: ConditionType = ConditionType::RabbitMqReady;

    pub(super) fn complete() -> Finding {
        Finding::good(TYPE, "Available", "3 of 3 pods serve")
    }

    fn said(finding: &Finding) -> (&str, &str) {
        (finding.status, &finding.reason)
    }

    #[test]
    fn members_are_counted_and_not_pods() {
        let all = finding(complete(), None, &brokers([&[0, 1, 2], &[0, 1, 2], &[0, 1, 2]]));
        assert_eq!(said(&all), ("True", "Available"));
        assert_eq!(all.message, "3 of 3 brokers run as members of the cluster");
        let two = finding(complete(), None, &brokers([&[0, 1], &[0, 1], &[]]));
        assert_eq!(said(&two), ("True", "MembersMissing"));
        let one = finding(complete(), None, &brokers([&[0], &[], &[]]));
        assert_eq!(said(&one), ("False", "MembersMissing"));
    }

    #[test]
    fn three_ready_pods_that_are_two_clusters_are_a_split() {
        let split = finding(complete(), None, &brokers([&[0], &[1, 2], &[1, 2]]));
        assert_eq!(said(&split), ("False", "ClusterSplit"));
        assert!(split.message.contains("demo-rabbitmq-0 sees demo-rabbitmq-0;"), "{}", split.message);
        assert!(split.message.contains("; delete the pods of the smaller side"), "{}", split.message);
    }

    #[test]
    fn a_member_that_is_apart_is_restarted_by_the_operator() {
        let split = finding(complete(), None, &members([&[0], &[1, 2], &[1, 2]]));
        assert_eq!(said(&split), ("False", "ClusterSplit"));
        assert!(split.message.ends_with("; the operator restarts demo-rabbitmq-0 if this lasts for 30 s"));
    }

    #[test]
    fn what_ails_a_pod_is_said_beside_the_count() {
        let problem =
            Problem { reason: "ImagePull", message: "the image x cannot be pulled".to_owned(), since: None };
        let updating = Finding::good(TYPE, "ImagePull", "2 of 3 pods serve");
        let two = finding(updating, Some(&problem), &brokers([&[0, 1], &[0, 1], &[]]));
        assert_eq!(said(&two), ("True", "ImagePull"));
        assert!(two.message.ends_with("of the cluster; the image x cannot be pulled"), "{}", two.message);
    }

    #[test]
    fn without_an_answer_the_pods_have_the_word() {
        assert_eq!(finding(complete(), None, &brokers([&[], &[], &[]])), complete());
        assert_eq!(finding(complete(), None, &Brokers::default()), complete());
    }
}
