//! What each node reports of its cluster → whether all that answer are in one, pure.

use std::collections::BTreeSet;

use ping_contract::broker_version::{self, UnsupportedVersion};
use rabbitmq_management::nodes::NodeView;

/// One broker of the stack, and what it reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    /// The name of its pod.
    pub pod: String,
    /// Its name in the cluster.
    pub node: String,
    /// Its report, or why there is none, in words.
    pub view: Result<NodeView, String>,
}

/// All brokers of a stack, by ordinal; empty if they were not asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Brokers(pub Vec<Broker>);

/// Whether the brokers are one cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Membership {
    /// None of them was asked, or none answered: why the first did not, in words.
    Unknown(String),
    /// All that answer see each other running.
    United {
        /// The nodes that all of them see running, those that did not answer the operator included.
        running: BTreeSet<String>,
    },
    /// Some that answer do not see each other.
    Split {
        /// What each sees, in words.
        views: String,
        /// The pods of nodes that a majority does without and that see nobody of it: clients must not use them.
        apart: BTreeSet<String>,
        /// Those of them that know the majority as members of their own cluster. A restart lets them join it again and
        /// loses nothing: without a majority they have confirmed no mail. The others have a cluster of their own, which a
        /// restart would not change.
        can_rejoin: BTreeSet<String>,
        /// The nodes of that majority; empty if there is none.
        majority: BTreeSet<String>,
    },
}

impl Brokers {
    /// Compares the reports.
    ///
    /// Only nodes that answered are compared: one that is cut off is noticed by its neighbours at different moments, and what
    /// they say of it differs for up to a minute. One that answers and is not seen is in another cluster.
    #[must_use]
    pub fn membership(&self) -> Membership {
        let mut seen = self.answered().map(|(_, view)| self.seen_by(view));
        let Some(first) = seen.next() else { return self.unknown() };
        if seen.all(|other| other == first) {
            let running = self.answered().map(|(_, view)| view.running.clone());
            let common = running.reduce(|common, running| &common & &running).unwrap_or_default();
            return Membership::United { running: &common & &self.nodes() };
        }
        let majority = self.majority();
        let is_apart = |view: &NodeView| !majority.is_empty() && self.seen_by(view).is_disjoint(&majority);
        let apart = self.answered().filter(|(_, view)| is_apart(view)).collect::<Vec<_>>();
        let can_rejoin = apart.iter().filter(|(_, view)| view.members.is_superset(&majority));
        Membership::Split {
            apart: apart.iter().map(|(broker, _)| broker.pod.clone()).collect(),
            can_rejoin: can_rejoin.map(|(broker, _)| broker.pod.clone()).collect(),
            views: self.views(),
            majority,
        }
    }

    /// The nodes that run in the cluster of a majority, as those of it report that answered; empty if none of them did.
    #[must_use]
    pub fn running(&self) -> BTreeSet<String> {
        match self.membership() {
            Membership::United { running } if running.len() * 2 > self.0.len() => running,
            Membership::Split { majority, .. } => majority,
            Membership::United { .. } | Membership::Unknown(_) => BTreeSet::new(),
        }
    }

    /// The brokers that answered for themselves.
    pub fn answered(&self) -> impl Iterator<Item = (&Broker, &NodeView)> {
        self.0.iter().filter_map(|broker| Some((broker, broker.view.as_ref().ok()?)))
    }

    /// The first version among them that Ping cannot work with.
    #[must_use]
    pub fn unsupported_version(&self) -> Option<UnsupportedVersion> {
        self.answered().find_map(|(_, view)| broker_version::check(&view.version).err())
    }

    fn unknown(&self) -> Membership {
        let why = self.0.iter().find_map(|broker| broker.view.as_ref().err());
        Membership::Unknown(why.cloned().unwrap_or_default())
    }

    fn nodes(&self) -> BTreeSet<String> {
        self.0.iter().map(|broker| broker.node.clone()).collect()
    }

    /// The nodes that answered and that `view` has running.
    fn seen_by(&self, view: &NodeView) -> BTreeSet<String> {
        let answered = self.answered().map(|(broker, _)| &broker.node);
        answered.filter(|node| view.running.contains(*node)).cloned().collect()
    }

    /// Nodes that see each other and nobody else, more than half of all brokers; empty if there are none.
    fn majority(&self) -> BTreeSet<String> {
        let mutual = |set: &BTreeSet<String>| {
            let members = self.answered().filter(|(broker, _)| set.contains(&broker.node));
            members.map(|(_, view)| self.seen_by(view)).all(|seen| seen == *set)
        };
        let sets = self.answered().map(|(_, view)| self.seen_by(view));
        sets.filter(|set| set.len() * 2 > self.0.len()).find(mutual).unwrap_or_default()
    }

    fn views(&self) -> String {
        let view = |(broker, view): (&Broker, &NodeView)| {
            let seen = self.seen_by(view);
            let pods = self.0.iter().filter(|other| seen.contains(&other.node));
            let pods = pods.map(|other| other.pod.as_str()).collect::<Vec<_>>().join(", ");
            format!("{} sees {pods}", broker.pod)
        };
        self.answered().map(view).collect::<Vec<_>>().join("; ")
    }
}

#[cfg(test)]
mod tests;
