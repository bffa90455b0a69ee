//! The types of a stack's conditions, and what each means for the summary.

use crate::names::Part;

/// The type of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConditionType {
    /// Whether users can sign in.
    Ready,
    /// Whether Redis can be used.
    RedisReady,
    /// Whether RabbitMQ can be used.
    RabbitMqReady,
    /// Whether RabbitMQ has the queues, policies and users of the stack.
    TopologyReady,
    /// Whether user-service serves.
    UserServiceReady,
    /// Whether mail-service can hand over mails.
    MailServiceReady,
    /// Whether the number of mail consumers follows the queue.
    AutoscalingReady,
    /// Whether the objects for the Prometheus operator exist. Present while `spec.monitoring` asks for them.
    MonitoringReady,
    /// Whether the mail server accepted the test mail. Present while `spec.smtp.testRecipient` is set.
    TestMailSent,
    /// Whether the operator could sign in with a code from the mail. Present while `spec.monitoring.syntheticLogin` is set.
    SignInWorks,
    /// Whether mails have the words and layouts of the user's ConfigMap. Present while `spec.mail.templates.style` is `Branded`.
    TemplatesReady,
    /// Whether the pods have what the templates of pods say. Present while the spec has such a template, or one of the operator's clashes.
    PodTemplatesApplied,
    /// Whether a majority of the brokers survives the loss of any one node. Present for three brokers and more.
    BrokersSurviveNodeLoss,
    /// Whether the network policies are known to let the ingress controller in. Present while `spec.userService.ingress` is
    /// set and the policies are made.
    IngressAdmitted,
    /// The operator changes nothing, because of `spec.paused`.
    Paused,
    /// The cluster does not match the spec yet; kstatus reads it.
    Reconciling,
    /// The cluster does not match the spec, and will not without a person; kstatus reads it.
    Stalled,
}

/// How a condition influences [`ConditionType::Ready`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It is the summary.
    Summary,
    /// The summary is True only while this one is.
    Required,
    /// The summary does not depend on it.
    Advisory,
}

impl ConditionType {
    /// Every type, in the order of the status.
    pub const ALL: [Self; 17] = [
        Self::Ready,
        Self::RedisReady,
        Self::RabbitMqReady,
        Self::TopologyReady,
        Self::UserServiceReady,
        Self::MailServiceReady,
        Self::AutoscalingReady,
        Self::MonitoringReady,
        Self::TestMailSent,
        Self::SignInWorks,
        Self::TemplatesReady,
        Self::PodTemplatesApplied,
        Self::BrokersSurviveNodeLoss,
        Self::IngressAdmitted,
        Self::Paused,
        Self::Reconciling,
        Self::Stalled,
    ];

    /// The condition of a part.
    #[must_use]
    pub const fn of(part: Part) -> Self {
        match part {
            Part::Redis => Self::RedisReady,
            Part::RabbitMq => Self::RabbitMqReady,
            Part::UserService => Self::UserServiceReady,
            Part::MailService => Self::MailServiceReady,
        }
    }

    /// The type of this name; `None` for one that a later release wrote.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|type_| type_.name() == name)
    }

    /// The value of the field `type`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::RedisReady => "RedisReady",
            Self::RabbitMqReady => "RabbitMQReady",
            Self::TopologyReady => "TopologyReady",
            Self::UserServiceReady => "UserServiceReady",
            Self::MailServiceReady => "MailServiceReady",
            Self::AutoscalingReady => "AutoscalingReady",
            Self::MonitoringReady => "MonitoringReady",
            Self::TestMailSent => "TestMailSent",
            Self::SignInWorks => "SignInWorks",
            Self::TemplatesReady => "TemplatesReady",
            Self::PodTemplatesApplied => "PodTemplatesApplied",
            Self::BrokersSurviveNodeLoss => "BrokersSurviveNodeLoss",
            Self::IngressAdmitted => "IngressAdmitted",
            Self::Paused => "Paused",
            Self::Reconciling => "Reconciling",
            Self::Stalled => "Stalled",
        }
    }

    /// How it influences the summary.
    #[must_use]
    pub const fn role(self) -> Role {
        match self {
            Self::Ready => Role::Summary,
            Self::RedisReady
            | Self::RabbitMqReady
            | Self::TopologyReady
            | Self::UserServiceReady
            | Self::MailServiceReady => Role::Required,
            Self::AutoscalingReady
            | Self::MonitoringReady
            | Self::TestMailSent
            | Self::SignInWorks
            | Self::TemplatesReady
            | Self::PodTemplatesApplied
            | Self::BrokersSurviveNodeLoss
            | Self::IngressAdmitted
            | Self::Paused
            | Self::Reconciling
            | Self::Stalled => Role::Advisory,
        }
    }

    /// Whether it exists only while it is True. Tools read its absence as False.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::Paused | Self::Reconciling | Self::Stalled)
    }
}

#[cfg(test)]
mod tests {
    use super::{ConditionType, Role};

    #[test]
    fn every_type_is_found_by_its_name() {
        for type_ in ConditionType::ALL {
            assert_eq!(ConditionType::named(type_.name()), Some(type_));
        }
        assert_eq!(ConditionType::named("LaterReady"), None);
    }

    #[test]
    fn what_exists_only_while_it_is_true_is_advisory() {
        let transient = ConditionType::ALL.into_iter().filter(|type_| type_.is_transient());
        assert!(transient.into_iter().all(|type_| type_.role() == Role::Advisory));
    }
}
