use std::collections::BTreeSet;

use ping_contract::{broker_version, topology_plan::Conflict};
use rabbitmq_management::nodes::NodeView;

use super::{TopologyState, conflict, speakers};
use crate::{
    controller::{
        brokers::members::{Broker, Brokers},
        build::{broker_topology::Target, build},
        validate::validate,
    },
    fixtures::{self, EXTERNAL, MINIMAL},
};

/// The brokers of a stack of three.
fn three() -> Target {
    let mut stack = fixtures::stack(MINIMAL);
    stack.spec.rabbitmq.managed.as_mut().unwrap().replicas = 3;
    let stack = validate(&stack, fixtures::references()).unwrap();
    build(&stack, &fixtures::platform(), &fixtures::entropy()).unwrap().topology.target
}

/// What each of them says: the ordinals that it sees, or nothing.
fn brokers(target: &Target, views: [&[usize]; 3]) -> Brokers {
    let Target::Managed(nodes) = target else { panic!("external") };
    let broker = |(ordinal, seen): (usize, &[usize])| {
        let running = seen.iter().map(|seen| nodes[*seen].node.clone()).collect::<BTreeSet<_>>();
        let node = nodes[ordinal].node.clone();
        let view =
            NodeView { node: node.clone(), version: "4.0.5".into(), members: running.clone(), running };
        let view = if seen.is_empty() { Err("away".to_owned()) } else { Ok(view) };
        Broker { pod: nodes[ordinal].pod.clone(), node, view }
    };
    Brokers(views.into_iter().enumerate().map(broker).collect())
}

fn urls(target: &Target, views: [&[usize]; 3]) -> Result<Vec<String>, TopologyState> {
    let speakers = speakers(target, &brokers(target, views))?;
    Ok(speakers.into_iter().map(|management| management.url.clone()).collect())
}

fn url(ordinal: i32) -> String {
    format!("http://demo-rabbitmq-{ordinal}.demo-rabbitmq-nodes.team.svc:15672")
}

#[test]
fn one_dead_broker_of_three_leaves_two_to_talk_to() {
    assert_eq!(urls(&three(), [&[], &[1, 2], &[1, 2]]), Ok(vec![url(1), url(2)]));
    assert_eq!(urls(&three(), [&[], &[], &[]]), Err(TopologyState::Failed("away".to_owned())));
}

#[test]
fn nothing_is_written_to_brokers_that_are_not_one_cluster() {
    assert_eq!(urls(&three(), [&[0], &[1, 2], &[1, 2]]), Err(TopologyState::Split));
}

#[test]
fn nothing_is_written_where_one_node_is_of_an_unsupported_version() {
    for version in ["4.2.6", "4.3.0"] {
        let target = three();
        let mut brokers = brokers(&target, [&[0, 1, 2], &[0, 1, 2], &[0, 1, 2]]);
        brokers.0[2].view.as_mut().unwrap().version = version.to_owned();
        let refused = speakers(&target, &brokers);
        assert!(matches!(refused, Err(TopologyState::UnsupportedVersion(_))), "{refused:?}");
    }
}

#[test]
fn an_unsupported_version_of_an_external_broker_is_not_a_conflict_of_objects() {
    let unsupported = broker_version::check("4.3.0").unwrap_err();
    let state = conflict(&[Conflict::UnsupportedVersion(unsupported.clone())]);
    assert_eq!(state, Some(TopologyState::UnsupportedVersion(unsupported.to_string())));
    assert_eq!(conflict(&[]), None);
}

#[test]
fn brokers_that_were_not_asked_are_waited_for_and_external_ones_are_not_asked() {
    assert_eq!(speakers(&three(), &Brokers::default()), Err(TopologyState::Waiting));
    let external = fixtures::validated(EXTERNAL);
    let external = build(&external, &fixtures::platform(), &fixtures::entropy()).unwrap().topology.target;
    assert_eq!(speakers(&external, &Brokers::default()).unwrap().len(), 1);
}
