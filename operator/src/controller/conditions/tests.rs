use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};

use super::{Finding, Problem, of_topology, of_workload, stamp, summary};
use crate::{
    controller::{
        topology::{Queues, TopologyState},
        workload::Workload,
    },
    names::Part,
};

fn workload(desired: i32, ready: i32) -> Workload {
    Workload { desired, pods: desired, updated: desired, ready, observed: true, refused: None }
}

fn at(second: i64) -> Time {
    Time(Timestamp::from_second(second).unwrap())
}

#[test]
fn a_complete_part_is_available() {
    let finding = of_workload(Part::UserService, Some(&workload(2, 2)), None);
    assert_eq!((finding.status, finding.reason.as_str()), ("True", "Available"));
    assert_eq!(finding.message, "2 of 2 pods serve");
}

#[test]
fn a_part_that_cannot_start_says_why() {
    let problem = Problem { reason: "ImagePull", message: "the image x cannot be pulled".to_owned() };
    let finding = of_workload(Part::UserService, Some(&workload(2, 0)), Some(&problem));
    assert_eq!((finding.status, finding.reason.as_str()), ("False", "ImagePull"));
    assert_eq!(finding.message, "0 of 2 pods serve; the image x cannot be pulled");
}

#[test]
fn a_part_that_rolls_while_enough_pods_serve_is_ready_and_says_so() {
    let mut rolling = workload(2, 2);
    rolling.updated = 1;
    let finding = of_workload(Part::UserService, Some(&rolling), None);
    assert_eq!((finding.status, finding.reason.as_str()), ("True", "Updating"));
    assert_eq!(of_workload(Part::RabbitMq, Some(&workload(3, 2)), None).status, "True");
    assert_eq!(of_workload(Part::RabbitMq, Some(&workload(3, 1)), None).status, "False");
}

#[test]
fn a_missing_workload_is_not_ready() {
    assert_eq!(of_workload(Part::Redis, None, None).reason, "Missing");
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
fn the_summary_is_the_worst_of_all() {
    let good = Finding::good("RedisReady", "Available", "");
    let unknown = Finding::unknown("TopologyReady", "QueueMembersUnknown", "nobody says");
    let bad = Finding::bad("UserServiceReady", "ImagePull", "no image");
    assert_eq!(summary(std::slice::from_ref(&good), &[]).status, "True");
    assert_eq!(summary(&[good.clone(), unknown.clone()], &[]).status, "Unknown");
    let worst = summary(&[good.clone(), unknown, bad], &[]);
    assert_eq!((worst.status, worst.reason.as_str()), ("False", "ImagePull"));
    assert_eq!(worst.message, "UserServiceReady: no image");
    let conflict = summary(&[good], &["Service demo-redis".to_owned()]);
    assert_eq!(conflict.reason, "NameConflict");
    assert!(conflict.message.starts_with("Service demo-redis belongs to somebody else"));
}

#[test]
fn a_time_moves_only_with_the_status() {
    let finding = |status: &'static str, reason: &str| Finding {
        type_: "Ready",
        status,
        reason: reason.to_owned(),
        message: String::new(),
    };
    let first = stamp(vec![finding("False", "Starting")], &[], Some(1), &at(10));
    let second = stamp(vec![finding("False", "ImagePull")], &first, Some(2), &at(20));
    assert_eq!((second[0].last_transition_time.clone(), second[0].observed_generation), (at(10), Some(2)));
    let third = stamp(vec![finding("True", "Ready")], &second, Some(2), &at(30));
    assert_eq!(third[0].last_transition_time, at(30));
}

#[test]
fn a_message_is_never_longer_than_people_read() {
    let long = Finding::bad("Ready", "X", "ä".repeat(5000));
    assert_eq!(stamp(vec![long], &[], None, &at(0))[0].message.chars().count(), 1024);
}
