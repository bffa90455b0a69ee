//! Reasons of the mail consumers' autoscaling.

use super::{FALSE, Row, TRUE, UNKNOWN};
use crate::conditions::ConditionType;

const TYPES: &[ConditionType] = &[ConditionType::AutoscalingReady];

pub(super) const ROWS: &[Row] = &[
    Row::new(TYPES, TRUE, &["FollowsQueue"], "The number of mail consumers follows the queue."),
    Row::new(
        TYPES,
        TRUE,
        &["FollowsObjectMetric"],
        "It follows the queue by an Object metric of `custom.metrics.k8s.io`, because the external metrics of the cluster come from another provider.",
    ),
    Row::new(
        TYPES,
        TRUE,
        &["ScaledByOperator"],
        "The operator itself sets the number (`provider: Auto`), because both APIs of metrics belong to other providers.",
    ),
    Row::new(TYPES, TRUE, &["External"], "It follows a metric that another provider serves."),
    Row::new(
        TYPES,
        TRUE,
        &["UserServiceNotScaled"],
        "The mail consumers are scaled; user-service is not, because its autoscaler cannot read the CPU that the pods use.",
    )
    .then("Install metrics-server, or leave out `userService.autoscaling`."),
    Row::new(TYPES, TRUE, &["Off"], "Autoscaling is disabled (`mailService.autoscaling.provider: None`)."),
    Row::new(TYPES, UNKNOWN, &["Starting"], "The metrics API is being registered.").then("Wait some seconds."),
    Row::new(TYPES, UNKNOWN, &["WaitingForSample"], "The queue has not been read yet.").then("Wait some seconds."),
    Row::new(
        TYPES,
        FALSE,
        &["ExternalMetricsProviderConflict"],
        "The external and the custom metrics of the cluster come from other providers, which were not changed.",
    )
    .then("Set the provider to `Auto`, `External` or `None`, or remove one of the others; see [autoscaling.md](autoscaling.md)."),
    Row::new(TYPES, FALSE, &["MetricsApiUnavailable"], "The API server does not reach the operator's metrics API.")
        .then("See the APIService that the message names."),
    Row::new(TYPES, FALSE, &["BrokerUnreachable"], "The management API of the broker does not answer.")
        .then("See `RabbitMQReady` and `TopologyReady`."),
    Row::new(TYPES, FALSE, &["BrokerRefusesMonitor"], "The broker refuses the user that reads the queue.")
        .then("Wait: the operator creates it again within a minute."),
    Row::new(TYPES, FALSE, &["QueueMissing"], "The broker has no queue for mails.")
        .then("Wait: the operator creates it again within a minute."),
    Row::new(TYPES, FALSE, &["QueueUnavailable"], "The queue has no leader.").then("Start the other brokers."),
    Row::new(TYPES, FALSE, &["SampleStale"], "The queue was last read more than 45 s ago.")
        .then("See whether the operator gets processor time."),
];
