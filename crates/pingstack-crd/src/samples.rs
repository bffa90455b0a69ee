//! Stacks for tests, from the samples that users copy.

use serde::Deserialize as _;

use crate::PingStack;

/// The smallest stack.
pub const MINIMAL: &str = include_str!("../../../k8s/samples/pingstack-minimal.yaml");

/// The stack with every field that one with Redis and RabbitMQ of its own can have.
pub const FULL: &str = include_str!("../../../k8s/samples/pingstack-full.yaml");

/// The stack whose Redis and RabbitMQ exist elsewhere.
pub const EXTERNAL: &str = include_str!("../../../k8s/samples/pingstack-external.yaml");

/// The first object of a sample, as the API server would hand it out in the namespace `team`.
///
/// # Panics
/// If the text is not a stack.
#[must_use]
#[expect(clippy::expect_used, reason = "only tests call it, with texts that are stacks")]
pub fn stack(yaml: &str) -> PingStack {
    let first = serde_yaml::Deserializer::from_str(yaml).next().expect("the sample has an object");
    let mut stack = PingStack::deserialize(first).expect("the sample is a stack");
    stack.metadata.namespace = Some("team".to_owned());
    stack.metadata.uid = Some("0b5ec0de".to_owned());
    stack.metadata.generation = Some(1);
    stack
}
