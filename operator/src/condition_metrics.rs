//! The conditions of all stacks, for Prometheus: what `kubectl get pingstacks` shows, as numbers that an alert can read.
//! Only the replica that reconciles has them.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use service_kit::metrics::prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _},
    metrics::{MetricType, gauge::ConstGauge},
};

use crate::{conditions::ConditionType, names::StackId};

/// The conditions that were reported last, by the stack's uid. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct ConditionMetrics(Arc<RwLock<BTreeMap<String, Stack>>>);

#[derive(Debug)]
struct Stack {
    namespace: String,
    name: String,
    conditions: Vec<Known>,
}

/// What is known of a condition.
#[derive(Debug)]
struct Known {
    type_: String,
    is_true: bool,
    /// Not True, or True although something is wrong.
    is_impaired: bool,
}

impl ConditionMetrics {
    /// Replaces those of a stack; `impaired` are True although something is wrong.
    pub fn set(&self, id: &StackId, conditions: &[Condition], impaired: &[ConditionType]) {
        let known = |one: &Condition| {
            let is_true = one.status == "True";
            let is_impaired = !is_true || impaired.iter().any(|type_| type_.name() == one.type_);
            Known { type_: one.type_.clone(), is_true, is_impaired }
        };
        let conditions = conditions.iter().map(known).collect();
        let stack = Stack { namespace: id.namespace.clone(), name: id.name.clone(), conditions };
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(id.uid.clone(), stack);
    }

    /// Forgets a stack that is gone.
    pub fn forget(&self, uid: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }
}

/// What a family of metrics reads of a condition.
type Reading = fn(&Known) -> bool;

impl Collector for ConditionMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let stacks = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if stacks.is_empty() {
            return Ok(());
        }
        let families: [(&str, &str, Reading); 2] = [
            (
                "pingstack_condition",
                "1 if a condition of the stack is True, else 0; only from the replica that reconciles",
                |known| known.is_true,
            ),
            (
                "pingstack_condition_impaired",
                "1 if a condition of the stack is not True, or is True although something is wrong, else 0; only from the \
                 replica that reconciles",
                |known| known.is_impaired,
            ),
        ];
        for (name, help, value) in families {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for stack in stacks.values() {
                for known in &stack.conditions {
                    let labels = [
                        ("namespace", stack.namespace.as_str()),
                        ("pingstack", stack.name.as_str()),
                        ("type", known.type_.as_str()),
                    ];
                    ConstGauge::new(i64::from(value(known))).encode(family.encode_family(&labels)?)?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
    use service_kit::metrics::Metrics;

    use super::{ConditionMetrics, StackId};
    use crate::conditions::{ConditionType, Finding, stamp};

    #[test]
    fn each_condition_of_a_stack_is_a_number_until_the_stack_is_gone() {
        let metrics = Metrics::new("ping-operator", "0");
        let conditions = ConditionMetrics::default();
        metrics.register(|registry| registry.register_collector(Box::new(conditions.clone())));
        assert!(!metrics.encode().contains("pingstack_"), "no stack, no line");
        let id = StackId { namespace: "shop".to_owned(), name: "demo".to_owned(), uid: "1".to_owned() };
        let findings = vec![
            Finding::unknown(ConditionType::Ready, "NoReport", ""),
            Finding::good(ConditionType::RedisReady, "Available", ""),
            Finding::impaired(ConditionType::MailServiceReady, "PartlyUnusable", ""),
        ];
        let impaired = [ConditionType::MailServiceReady];
        conditions.set(&id, &stamp(findings, &[], None, &Time(Timestamp::UNIX_EPOCH)), &impaired);
        let text = metrics.encode();
        let lines = text.lines().filter(|line| line.starts_with("pingstack_")).collect::<Vec<_>>();
        assert_eq!(
            lines,
            [
                r#"pingstack_condition{namespace="shop",pingstack="demo",type="Ready"} 0"#,
                r#"pingstack_condition{namespace="shop",pingstack="demo",type="RedisReady"} 1"#,
                r#"pingstack_condition{namespace="shop",pingstack="demo",type="MailServiceReady"} 1"#,
                r#"pingstack_condition_impaired{namespace="shop",pingstack="demo",type="Ready"} 1"#,
                r#"pingstack_condition_impaired{namespace="shop",pingstack="demo",type="RedisReady"} 0"#,
                r#"pingstack_condition_impaired{namespace="shop",pingstack="demo",type="MailServiceReady"} 1"#,
            ]
        );
        conditions.forget("1");
        assert!(!metrics.encode().contains("pingstack_"));
    }
}
