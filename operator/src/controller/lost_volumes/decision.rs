//! Whether the others may forget a broker, pure.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Pod;
use rabbitmq_management::{nodes::NodeView, queues::Queue};

use super::{BrokerNode, volumes::Volumes};
use crate::{controller::build::LostBroker, names::Part};

/// A broker with its pod and its volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Broker {
    /// The pod's name.
    pub pod: String,
    /// The node's name: `rabbit@…`.
    pub node: String,
    /// It takes clients.
    pub ready: bool,
    /// It runs, and takes no clients.
    pub waits: bool,
    /// The uid of the claim of its volume.
    pub volume: Option<String>,
    /// The uid of the claim that it was last a member with.
    pub member_with: Option<String>,
}

impl Broker {
    pub(super) fn new(pod: Option<&Pod>, named: &BrokerNode, volumes: &Volumes) -> Self {
        let status = pod.and_then(|pod| pod.status.as_ref());
        let going = pod.is_some_and(|pod| pod.metadata.deletion_timestamp.is_some());
        let mut containers = status.iter().flat_map(|status| status.container_statuses.iter().flatten());
        let container = containers.find(|container| container.name == Part::RabbitMq.name());
        let runs = container.and_then(|container| container.state.as_ref()?.running.as_ref()).is_some();
        let ready = !going && container.is_some_and(|container| container.ready);
        Self {
            ready,
            waits: runs && !ready && !going,
            volume: volumes.present(&named.pod),
            member_with: volumes.remembered(&named.pod),
            pod: named.pod.clone(),
            node: named.node.clone(),
        }
    }

    /// Whether its volume is another one than when it was last a member. Unknown is no: an empty volume that nobody has
    /// seen before may be the first.
    pub(super) fn has_new_volume(&self) -> bool {
        matches!((&self.volume, &self.member_with), (Some(volume), Some(before)) if volume != before)
    }
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// No volume was lost.
    Nothing,
    /// One was, and it is too early to act.
    Wait {
        /// The broker's pod.
        pod: String,
        /// What must become true first.
        until: &'static str,
    },
    /// The others are to forget it.
    Forget {
        lost: LostBroker,
        /// The node that runs the command.
        asked: String,
    },
    /// Several were: what they held may be nowhere else.
    PersonDecides {
        /// The pods of the brokers.
        pods: Vec<String>,
    },
}

/// Decides on the brokers' own word alone: `views` are those of the brokers that answered, `queues` are of all vhosts.
pub(super) fn decide(brokers: &[Broker], views: &[NodeView], queues: &[Queue]) -> Verdict {
    let lost = brokers.iter().filter(|broker| broker.has_new_volume() && !broker.ready).collect::<Vec<_>>();
    let broker = match lost.as_slice() {
        [] => return Verdict::Nothing,
        [broker] => *broker,
        several => {
            return Verdict::PersonDecides { pods: several.iter().map(|one| one.pod.clone()).collect() };
        }
    };
    let others = brokers.iter().filter(|other| other.pod != broker.pod).collect::<Vec<_>>();
    match obstacle(broker, &others, views, queues) {
        Some(until) => Verdict::Wait { pod: broker.pod.clone(), until },
        None => Verdict::Forget {
            lost: LostBroker {
                pod: broker.pod.clone(),
                node: broker.node.clone(),
                volume: broker.volume.clone().unwrap_or_default(),
            },
            asked: others.first().map(|other| other.node.clone()).unwrap_or_default(),
        },
    }
}

/// What must become true before the others may forget `broker`; `None` if all of it is.
fn obstacle(
    broker: &Broker,
    others: &[&Broker],
    views: &[NodeView],
    queues: &[Queue],
) -> Option<&'static str> {
    // All but one of three or five are a majority.
    if !others.iter().all(|other| other.ready) {
        return Some("all other brokers are ready");
    }
    if !broker.waits {
        return Some("its pod runs");
    }
    let running = others.iter().map(|other| other.node.clone()).collect::<BTreeSet<_>>();
    let members = running.iter().cloned().chain([broker.node.clone()]).collect::<BTreeSet<_>>();
    let agrees = |other: &&Broker| {
        let view = views.iter().find(|view| view.node == other.node);
        view.is_some_and(|view| view.running == running && view.members == members)
    };
    if !others.iter().all(agrees) {
        return Some("all other brokers report it as the one member that does not run");
    }
    let is_safe = |queue: &Queue| {
        let members = queue.members.as_ref().map_or(0, Vec::len);
        queue.leader.is_some() && queue.members_online().is_some_and(|online| online * 2 > members)
    };
    let mut replicated = queues.iter().filter(|queue| queue.is_replicated()).peekable();
    if replicated.peek().is_none() || !replicated.all(is_safe) {
        return Some("every queue has a leader and most of its members");
    }
    None
}

#[cfg(test)]
mod tests;
