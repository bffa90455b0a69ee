use super::of_topology;
use crate::controller::topology::{Queues, TopologyState};

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
