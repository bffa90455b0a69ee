use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};

use super::{ConditionType, Finding, of_topology, stamp};
use crate::controller::topology::{Queues, TopologyState};

fn at(second: i64) -> Time {
    Time(Timestamp::from_second(second).unwrap())
}

#[test]
fn topology_is_ready_only_with_all_queue_members() {
    let applied = |wanted, fewest| {
        let queues = Queues { wanted_members: wanted, fewest_members: fewest, ..Queues::default() };
        of_topology(&TopologyState::Applied(queues))
    };
    assert_eq!(applied(Some(3), Some(3)).status, "True");
    assert_eq!(applied(Some(3), Some(1)).reason, "QueueMembersMissing");
    assert_eq!(applied(Some(3), None).status, "Unknown");
    assert_eq!(applied(None, None).status, "True", "members on a broker of others are theirs");
}

#[test]
fn a_topology_conflict_carries_what_to_do() {
    let finding = of_topology(&TopologyState::Conflict(vec![
        "drain the queue".to_owned(),
        "free the vhost".to_owned(),
    ]));
    assert_eq!(
        (finding.reason.as_str(), finding.message.as_str()),
        ("TopologyConflict", "drain the queue; free the vhost")
    );
    assert_eq!(of_topology(&TopologyState::Waiting).reason, "WaitingForBroker");
    assert_eq!(of_topology(&TopologyState::Failed("why".to_owned())).message, "why");
}

#[test]
fn a_time_moves_only_with_the_status() {
    let finding = |status: &'static str, reason: &str| Finding {
        type_: ConditionType::Ready,
        status,
        reason: reason.to_owned(),
        message: String::new(),
        impaired: false,
        recent: false,
    };
    let first = stamp(vec![finding("False", "Starting")], &[], Some(1), &at(10));
    let second = stamp(vec![finding("False", "ImagePull")], &first, Some(2), &at(20));
    assert_eq!((second[0].last_transition_time.clone(), second[0].observed_generation), (at(10), Some(2)));
    let third = stamp(vec![finding("True", "Ready")], &second, Some(2), &at(30));
    assert_eq!(third[0].last_transition_time, at(30));
}

#[test]
fn a_message_is_never_longer_than_people_read() {
    let long = Finding::bad(ConditionType::Ready, "Starting", "ä".repeat(5000));
    assert_eq!(stamp(vec![long], &[], None, &at(0))[0].message.chars().count(), 1024);
}
