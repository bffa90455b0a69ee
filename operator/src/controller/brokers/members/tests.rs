use std::collections::BTreeSet;

use ping_contract::broker_version::UnsupportedVersion;
use rabbitmq_management::nodes::NodeView;

use super::{Broker, Brokers, Membership};

fn node(ordinal: usize) -> String {
    format!("rabbit@demo-rabbitmq-{ordinal}")
}

fn nodes(ordinals: &[usize]) -> BTreeSet<String> {
    ordinals.iter().map(|ordinal| node(*ordinal)).collect()
}

fn pods(ordinals: &[usize]) -> BTreeSet<String> {
    ordinals.iter().map(|ordinal| format!("demo-rabbitmq-{ordinal}")).collect()
}

/// A broker for each: the ordinals that it sees running, or `None` if it does not answer.
fn brokers(views: &[Option<&[usize]>]) -> Brokers {
    let broker = |(ordinal, running): (usize, Option<&[usize]>)| {
        let view = running.map(|running| NodeView {
            node: node(ordinal),
            version: "4.0.5".to_owned(),
            members: nodes(&[0, 1, 2]),
            running: nodes(running),
        });
        let pod = format!("demo-rabbitmq-{ordinal}");
        Broker { pod, node: node(ordinal), view: view.ok_or_else(|| "no answer".to_owned()) }
    };
    Brokers(views.iter().copied().enumerate().map(broker).collect())
}

fn united(ordinals: &[usize]) -> Membership {
    Membership::United { running: nodes(ordinals) }
}

#[test]
fn brokers_that_see_each_other_are_one_cluster_whoever_of_them_answers() {
    let all: &[usize] = &[0, 1, 2];
    assert_eq!(brokers(&[Some(all), Some(all), Some(all)]).membership(), united(all));
    assert_eq!(brokers(&[None, Some(&[1, 2]), Some(&[1, 2])]).membership(), united(&[1, 2]));
    assert_eq!(brokers(&[Some(&[0]), None, None]).membership(), united(&[0]));
    assert_eq!(brokers(&[Some(all), None, None]).membership(), united(all), "two are members, and drain");
    assert_eq!(brokers(&[Some(&[0])]).membership(), united(&[0]), "a single broker");
}

#[test]
fn what_neighbours_say_of_a_node_that_is_cut_off_may_differ_for_a_while() {
    assert_eq!(brokers(&[None, Some(&[0, 1, 2]), Some(&[1, 2])]).membership(), united(&[1, 2]));
}

#[test]
fn a_node_with_a_cluster_of_its_own_is_apart_from_the_majority() {
    for alone in 0..3 {
        let rest = (0..3).filter(|ordinal| *ordinal != alone).collect::<Vec<_>>();
        let of = |ordinal: usize| if ordinal == alone { vec![alone] } else { rest.clone() };
        let a = of(0);
        let b = of(1);
        let c = of(2);
        let split = brokers(&[Some(&a), Some(&b), Some(&c)]).membership();
        let Membership::Split { apart, majority, .. } = split else { panic!("{split:?}") };
        assert_eq!((apart, majority), (pods(&[alone]), nodes(&rest)));
    }
}

#[test]
fn without_a_majority_that_agrees_nobody_is_proven_apart() {
    let cases: [&[Option<&[usize]>]; 4] = [
        &[Some(&[0]), Some(&[1]), None],
        &[Some(&[0]), Some(&[1]), Some(&[2])],
        // The node in the middle sees both of its neighbours, which do not see each other.
        &[Some(&[0, 1]), Some(&[0, 1, 2]), Some(&[1, 2])],
        // A node that has just become a member: one of the others does not know it yet.
        &[Some(&[0, 1, 2]), Some(&[0, 1]), Some(&[0, 1, 2])],
    ];
    for views in cases {
        let split = brokers(views).membership();
        let Membership::Split { apart, .. } = split else { panic!("{split:?}") };
        assert_eq!(apart, BTreeSet::new(), "{views:?}");
    }
}

#[test]
fn a_split_names_what_each_node_sees() {
    let split = brokers(&[Some(&[0]), Some(&[1, 2]), Some(&[1, 2])]).membership();
    let Membership::Split { views, .. } = split else { panic!("{split:?}") };
    assert_eq!(
        views,
        "demo-rabbitmq-0 sees demo-rabbitmq-0; demo-rabbitmq-1 sees demo-rabbitmq-1, demo-rabbitmq-2; \
         demo-rabbitmq-2 sees demo-rabbitmq-1, demo-rabbitmq-2"
    );
}

#[test]
fn without_any_answer_nothing_is_known() {
    assert_eq!(brokers(&[None, None, None]).membership(), Membership::Unknown("no answer".to_owned()));
    assert_eq!(Brokers::default().membership(), Membership::Unknown(String::new()));
}

#[test]
fn one_node_of_an_unsupported_version_is_enough() {
    let mut brokers = brokers(&[Some(&[0, 1]), Some(&[0, 1]), None]);
    assert_eq!(brokers.unsupported_version(), None);
    brokers.0[1].view.as_mut().unwrap().version = "4.3.0".to_owned();
    let expected = UnsupportedVersion::RefusesPassiveDeclares("4.3.0".to_owned());
    assert_eq!(brokers.unsupported_version(), Some(expected));
}

fn can_rejoin(brokers: &Brokers) -> BTreeSet<String> {
    match brokers.membership() {
        Membership::Split { can_rejoin, .. } => can_rejoin,
        Membership::United { .. } | Membership::Unknown(_) => BTreeSet::new(),
    }
}

#[test]
fn a_member_that_is_apart_from_the_majority_can_join_it_again() {
    let split = brokers(&[Some(&[0]), Some(&[1, 2]), Some(&[1, 2])]);
    assert_eq!(can_rejoin(&split), pods(&[0]));
}

#[test]
fn a_broker_with_a_cluster_of_its_own_cannot_join_the_others_by_a_restart() {
    let mut split = brokers(&[Some(&[0]), Some(&[1, 2]), Some(&[1, 2])]);
    split.0[0].view.as_mut().unwrap().members = nodes(&[0]);
    assert_eq!(can_rejoin(&split), pods(&[]));
}

#[test]
fn without_a_majority_that_agrees_no_broker_is_to_restart() {
    let cases: [&[Option<&[usize]>]; 4] = [
        &[Some(&[0]), Some(&[1]), None],
        &[Some(&[0, 1]), Some(&[0, 1, 2]), Some(&[1, 2])],
        &[None, Some(&[1, 2]), Some(&[1, 2])],
        &[Some(&[0, 1, 2]), Some(&[0, 1, 2]), Some(&[0, 1, 2])],
    ];
    for views in cases {
        assert_eq!(can_rejoin(&brokers(views)), pods(&[]), "{views:?}");
    }
}
