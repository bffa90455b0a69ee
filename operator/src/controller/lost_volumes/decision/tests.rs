//! Each condition of forgetting a broker, missing once.

use rabbitmq_management::{nodes::NodeView, queues::Queue};
use serde_json::json;

use super::{Broker, BrokerNode, Verdict, Volumes, decide};
use crate::{
    broker_connections::{BrokerAccess, Owner},
    controller::build::LostBroker,
};

const UNTIL_REPORTED: &str = "all other brokers report it as the one member that does not run";
const UNTIL_QUEUES: &str = "every queue has a leader and most of its members";

/// What is known of three brokers, the last of which lost its volume.
struct Known {
    brokers: Vec<Broker>,
    views: Vec<NodeView>,
    queues: Vec<Queue>,
}

fn broker(pod: &str) -> Broker {
    Broker {
        pod: pod.to_owned(),
        node: node(pod),
        ready: true,
        waits: false,
        volume: Some(format!("volume of {pod}")),
        member_with: Some(format!("volume of {pod}")),
    }
}

fn node(pod: &str) -> String {
    format!("rabbit@{pod}.demo-rabbitmq-nodes.team")
}

fn view(pod: &str) -> NodeView {
    NodeView {
        node: node(pod),
        version: "4.0.5".to_owned(),
        members: ["b-0", "b-1", "b-2"].map(node).into(),
        running: ["b-0", "b-1"].map(node).into(),
    }
}

fn queue() -> Queue {
    Queue {
        vhost: "ping".to_owned(),
        name: "send-otp".to_owned(),
        kind: Some("quorum".to_owned()),
        leader: Some(node("b-1")),
        members: Some(["b-0", "b-1", "b-2"].map(node).into()),
        online: Some(["b-0", "b-1"].map(node).into()),
        messages: Some(3),
        consumers: Some(1),
    }
}

fn lose(broker: &mut Broker) {
    broker.ready = false;
    broker.waits = true;
    broker.volume = Some("a new one".to_owned());
}

fn known() -> Known {
    let mut brokers = ["b-0", "b-1", "b-2"].map(broker);
    lose(&mut brokers[2]);
    Known { brokers: brokers.into(), views: ["b-0", "b-1"].map(view).into(), queues: vec![queue()] }
}

fn verdict(change: impl FnOnce(&mut Known)) -> Verdict {
    let mut known = known();
    change(&mut known);
    decide(&known.brokers, &known.views, &known.queues)
}

fn waits(until: &'static str) -> Verdict {
    Verdict::Wait { pod: "b-2".to_owned(), until }
}

#[test]
fn a_broker_with_a_new_volume_is_forgotten_by_the_others() {
    let lost = LostBroker { pod: "b-2".to_owned(), node: node("b-2"), volume: "a new one".to_owned() };
    assert_eq!(verdict(|_| ()), Verdict::Forget { lost, asked: node("b-0") });
}

#[test]
fn a_broker_that_is_cut_off_or_restarts_with_its_volume_is_never_forgotten() {
    let same_volume = |known: &mut Known| known.brokers[2].volume = known.brokers[2].member_with.clone();
    assert_eq!(verdict(same_volume), Verdict::Nothing);
}

#[test]
fn a_broker_whose_former_volume_is_unknown_is_never_forgotten() {
    assert_eq!(verdict(|known| known.brokers[2].member_with = None), Verdict::Nothing);
    assert_eq!(verdict(|known| known.brokers[2].volume = None), Verdict::Nothing);
}

#[test]
fn two_lost_volumes_are_for_a_person_to_decide() {
    let expected = Verdict::PersonDecides { pods: vec!["b-1".to_owned(), "b-2".to_owned()] };
    assert_eq!(verdict(|known| lose(&mut known.brokers[1])), expected);
}

#[test]
fn nothing_is_forgotten_while_another_broker_is_missing() {
    assert_eq!(verdict(|known| known.brokers[0].ready = false), waits("all other brokers are ready"));
}

#[test]
fn nothing_is_forgotten_before_its_pod_runs() {
    assert_eq!(verdict(|known| known.brokers[2].waits = false), waits("its pod runs"));
}

#[test]
fn nothing_is_forgotten_unless_each_of_the_others_reports_it_as_the_one_that_does_not_run() {
    let unheard = |known: &mut Known| known.views.truncate(1);
    assert_eq!(verdict(unheard), waits(UNTIL_REPORTED));
    let runs = |known: &mut Known| known.views[0].running.extend([node("b-2")]);
    assert_eq!(verdict(runs), waits(UNTIL_REPORTED));
    let forgotten_already = |known: &mut Known| {
        for view in &mut known.views {
            view.members.remove(&node("b-2"));
        }
    };
    assert_eq!(verdict(forgotten_already), waits(UNTIL_REPORTED));
    let apart = |known: &mut Known| known.views[1].running = [node("b-1")].into();
    assert_eq!(verdict(apart), waits(UNTIL_REPORTED));
    let stranger = |known: &mut Known| known.views[1].members.extend([node("b-3")]);
    assert_eq!(verdict(stranger), waits(UNTIL_REPORTED));
}

#[test]
fn nothing_is_forgotten_while_a_queue_has_no_leader_or_too_few_members() {
    assert_eq!(verdict(|known| known.queues.clear()), waits(UNTIL_QUEUES));
    assert_eq!(verdict(|known| known.queues[0].leader = None), waits(UNTIL_QUEUES));
    assert_eq!(verdict(|known| known.queues[0].online = None), waits(UNTIL_QUEUES));
    assert_eq!(verdict(|known| known.queues[0].online = Some(vec![node("b-1")])), waits(UNTIL_QUEUES));
}

#[test]
fn a_pod_that_runs_and_takes_no_clients_waits() {
    let volumes = Volumes::of(&[("b-0", "new")], &[("b-0", "old")]);
    let read = |metadata: serde_json::Value, ready: bool, state: serde_json::Value| {
        let status = json!({ "containerStatuses": [{
            "name": "rabbitmq", "image": "", "imageID": "", "restartCount": 0, "ready": ready, "state": state,
        }] });
        let pod = serde_json::from_value(json!({ "metadata": metadata, "status": status })).unwrap();
        let management = BrokerAccess {
            owner: Owner::Stack,
            url: String::new(),
            username: String::new(),
            password: String::new(),
            ca: None,
        };
        let named = BrokerNode { pod: "b-0".to_owned(), node: node("b-0"), management };
        Broker::new(Some(&pod), &named, &volumes)
    };
    let runs = || json!({ "running": {} });
    assert!(read(json!({}), false, runs()).waits && read(json!({}), false, runs()).has_new_volume());
    assert!(read(json!({}), true, runs()).ready);
    assert!(!read(json!({}), false, json!({ "waiting": { "reason": "CrashLoopBackOff" } })).waits);
    let going = read(json!({ "deletionTimestamp": "2026-01-01T00:00:00Z" }), true, runs());
    assert!(!going.waits && !going.ready);
}
