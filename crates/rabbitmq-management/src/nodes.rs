//! What a node says of the cluster that it is in.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::management::{Error, Management, OVERVIEW};

/// The cluster as one of its nodes sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeView {
    /// The node that was asked, such as `rabbit@host`.
    pub node: String,
    /// Its version, such as `4.0.5`.
    pub version: String,
    /// All members, itself included.
    pub members: BTreeSet<String>,
    /// The members that it sees running.
    pub running: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Overview {
    node: String,
    rabbitmq_version: String,
}

#[derive(Deserialize)]
struct Member {
    name: String,
    #[serde(default)]
    running: bool,
}

/// Asks the node behind `management`.
pub async fn node_view(management: &Management) -> Result<NodeView, Error> {
    let overview = format!("{OVERVIEW}?columns=node,rabbitmq_version");
    let Overview { node, rabbitmq_version: version } = management.required(&overview).await?;
    let nodes = management.required::<Vec<Member>>("nodes?columns=name,running").await?;
    let running = nodes.iter().filter(|member| member.running).map(|member| member.name.clone()).collect();
    Ok(NodeView { node, version, members: nodes.into_iter().map(|member| member.name).collect(), running })
}
