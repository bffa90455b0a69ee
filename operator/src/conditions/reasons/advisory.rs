//! Reasons of conditions that never lower `Ready`.

use super::{FALSE, Row, TRUE, UNKNOWN};
use crate::conditions::ConditionType;

const MONITORING: &[ConditionType] = &[ConditionType::MonitoringReady];
const NODE_LOSS: &[ConditionType] = &[ConditionType::BrokersSurviveNodeLoss];
const POD_TEMPLATES: &[ConditionType] = &[ConditionType::PodTemplatesApplied];
const INGRESS: &[ConditionType] = &[ConditionType::IngressAdmitted];
const TEST_MAIL: &[ConditionType] = &[ConditionType::TestMailSent];

pub(super) const ROWS: &[Row] = &[
    Row::new(
        &[ConditionType::Paused],
        TRUE,
        &["Paused"],
        "`spec.paused` is set: the operator changes nothing.",
    )
    .then("Set `spec.paused` to false when you have finished."),
    Row::new(
        &[
            ConditionType::RabbitMqReady,
            ConditionType::TopologyReady,
            ConditionType::MonitoringReady,
            ConditionType::TemplatesReady,
        ],
        UNKNOWN,
        &["Paused"],
        "`spec.paused` is set, so that nobody looks: the broker is not asked, and no object is compared.",
    )
    .then("Set `spec.paused` to false when you have finished."),
    Row::new(MONITORING, TRUE, &["Applied"], "The objects for the Prometheus operator exist."),
    Row::new(
        MONITORING,
        TRUE,
        &["AppliedWithWarnings"],
        "The same, but the network policies keep Prometheus out.",
    )
    .then("Set `neighbours.prometheusNamespace` in the values of the operator's chart."),
    Row::new(MONITORING, FALSE, &["PrometheusOperatorMissing"], "The cluster has no Prometheus operator.")
        .then("Install it, or set the field of `spec.monitoring` to false."),
    Row::new(
        MONITORING,
        FALSE,
        &["NameConflict"],
        "An object that the stack does not own has the name of one of them.",
    )
    .then("Rename or delete that object."),
    Row::new(MONITORING, FALSE, &["Forbidden"], "The operator may not create such an object.")
        .then("Upgrade the operator's chart, whose roles say that it may."),
    Row::new(
        MONITORING,
        FALSE,
        &["ApplyFailed"],
        "The API server refused such an object, or did not answer.",
    )
    .then("See what it says in the message."),
    Row::new(
        POD_TEMPLATES,
        TRUE,
        &["Applied"],
        "The pods have everything that the `podTemplate`s of the spec say.",
    ),
    Row::new(
        POD_TEMPLATES,
        TRUE,
        &["AppliedWithWarnings"],
        "The same, but for variables that the operator sets, whose values stay the operator's.",
    )
    .then("Remove the variables that the message names from the `podTemplate`."),
    Row::new(NODE_LOSS, TRUE, &["Spread"], "The loss of any one node leaves a majority of the brokers."),
    Row::new(
        NODE_LOSS,
        FALSE,
        &["BrokersShareNode"],
        "So many brokers are on one node that sign-in fails while it is away.",
    )
    .then("Move one of them as the message says; see `docs/nodes.md` for brokers on local volumes."),
    Row::new(
        INGRESS,
        TRUE,
        &["Admitted"],
        "The network policies let the namespace of the ingress controller in, and the networks of `login.trustedProxies`.",
    ),
    Row::new(
        INGRESS,
        FALSE,
        &["IngressNamespaceUnknown"],
        "The operator does not know where the ingress controller runs. The network policies let the networks of \
         `login.trustedProxies` in, which not every network plug-in applies to pods: clients may get 502 or 504.",
    )
    .then("Set `neighbours.ingressNamespace` in the values of the operator's chart."),
    Row::new(
        TEST_MAIL,
        TRUE,
        &["Delivered"],
        "The mail server accepted the test mail: it is in the mailbox of `smtp.testRecipient`, or where that keeps spam.",
    ),
    Row::new(TEST_MAIL, UNKNOWN, &["Sending"], "The test mail is on its way."),
    Row::new(TEST_MAIL, UNKNOWN, &["NoReport"], "The pod of the test mail is gone and left no report.")
        .then("Delete the Job that the message names: another mail is sent."),
    Row::new(
        TEST_MAIL,
        UNKNOWN,
        &["ImagePull", "Crashing", "CannotStart", "Unschedulable"],
        "The pod of the test mail cannot start.",
    )
    .then("See the same reasons of the parts."),
    Row::new(TEST_MAIL, FALSE, &["Misconfigured"], "The mail cannot be built from the settings.")
        .then("Check that `smtp.from` and `smtp.testRecipient` are addresses."),
    Row::new(
        TEST_MAIL,
        FALSE,
        &[
            "Unreachable",
            "TlsFailed",
            "TurnedAway",
            "LoginRefused",
            "SenderRefused",
            "Deferred",
            "Interrupted",
        ],
        "The mail server could not be used.",
    )
    .then("See the reasons of `MailServiceReady` that begin with `Smtp`; the message says what to check."),
    Row::new(TEST_MAIL, FALSE, &["RecipientRefused"], "The mail server takes no mail for this recipient.")
        .then("Check `smtp.testRecipient`, and that the server relays to its domain."),
    Row::new(TEST_MAIL, FALSE, &["MessageRefused"], "The mail server read the test mail and refused it.")
        .then("Check SPF and DKIM of the domain of `smtp.from`, and the server's own filters."),
];
