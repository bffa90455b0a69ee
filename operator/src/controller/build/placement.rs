//! Which nodes the pods of a part prefer: others than those of their siblings, and other zones.
//!
//! All of it is a preference, so a cluster of one node takes every pod, and none of it depends on the nodes there are.
//! There is one spread constraint only. When the scheduler scores nodes by several, it ignores every node that lacks one
//! of the labels: beside a constraint on zones, pods were not spread at all over nodes without that label.

use serde_json::{Value, json};

use super::Context;
use crate::names::Part;

/// The node's own label; every node has it.
const HOST: &str = "kubernetes.io/hostname";

/// The label of a node's zone. Clusters in one place often do not have it.
const ZONE: &str = "topology.kubernetes.io/zone";

/// How much a broker wants a node of its own. The spread constraint alone can be outvoted by free memory and by images
/// that are already on a node.
const HOST_WEIGHT: i32 = 100;

/// How much a pod wants a zone of its own: less than a broker wants a node of its own.
const ZONE_WEIGHT: i32 = 50;

/// The `topologySpreadConstraints` of a part's pods.
pub(super) fn spread(context: &Context<'_>, part: Part) -> Value {
    json!([{
        "maxSkew": 1,
        "topologyKey": HOST,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": { "matchLabels": context.stack.id.selector(part) },
        "matchLabelKeys": same_template(part),
    }])
}

/// The `affinity` of a part's pods.
pub(super) fn affinity(context: &Context<'_>, part: Part) -> Value {
    let apart = |weight: i32, key: &str| {
        json!({
            "weight": weight,
            "podAffinityTerm": {
                "topologyKey": key,
                "labelSelector": { "matchLabels": context.stack.id.selector(part) },
                "matchLabelKeys": same_template(part),
            },
        })
    };
    let mut terms = vec![apart(ZONE_WEIGHT, ZONE)];
    if part == Part::RabbitMq {
        terms.push(apart(HOST_WEIGHT, HOST));
    }
    json!({ "podAntiAffinity": { "preferredDuringSchedulingIgnoredDuringExecution": terms } })
}

/// During a rollout of a Deployment pods of the template before do not count: all of them are about to end. Brokers are
/// replaced one by one, so they must keep away from the old ones too.
fn same_template(part: Part) -> Option<[&'static str; 1]> {
    matches!(part, Part::UserService | Part::MailService).then_some(["pod-template-hash"])
}
