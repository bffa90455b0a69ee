//! What the operator brings to every stack: images, and where its neighbours run.

use pingstack_crd::{SecurityProfile, pod_template::PodTemplate};

/// What the operator brings to every stack. The chart's values set it.
#[derive(Debug, Clone, PartialEq)]
pub struct Platform {
    /// The images of what it runs.
    pub images: Images,
    /// Secrets of the operator's namespace with which nodes pull them. Each stack has a copy.
    pub pull_secrets: Vec<String>,
    /// What is added to the pods of all stacks; a stack's own templates are merged over it.
    pub pod_template: PodTemplate,
    /// Whether users and groups are left out of pods: of stacks that do not say.
    pub security_profile: SecurityProfile,
    /// `Always`, `IfNotPresent` or `Never`.
    pub image_pull_policy: String,
    /// The operator's own namespace: brokers let it in to their management port.
    pub operator_namespace: String,
    /// Where mails of synthetic sign-ins go.
    pub sign_in_sink: SinkAddress,
    /// Where the ingress controller runs; NetworkPolicies let it in to the API.
    pub ingress_namespace: Option<String>,
    /// Where Prometheus runs; NetworkPolicies let it in to the metrics.
    pub prometheus_namespace: Option<String>,
    /// What the address of an alert's page begins with.
    pub runbooks_url: String,
}

/// The API of OpenShift's security context constraints, which give each namespace users of its own.
const CONSTRAINTS_API: &str = "security.openshift.io";

impl Platform {
    /// Decides what was left to the cluster, by the groups of its API.
    pub fn settle<'a>(&mut self, mut groups: impl Iterator<Item = &'a str>) {
        if self.security_profile == SecurityProfile::Auto {
            let gives_users_out = groups.any(|group| group == CONSTRAINTS_API);
            self.security_profile =
                if gives_users_out { SecurityProfile::OpenShift } else { SecurityProfile::Restricted };
        }
    }
}

/// The operator's sink for mails of synthetic sign-ins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkAddress {
    /// The name of its Service, which has no cluster IP: it resolves to every replica of the operator.
    pub host: String,
    /// The port of the pods, which is the Service's as well.
    pub port: u16,
}

/// The images of what the operator runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Images {
    /// `user-service`.
    pub user_service: String,
    /// `mail-service`.
    pub mail_service: String,
    /// Redis 7.2 to 8, whose PATH holds `redis-server` and `redis-cli`, for uid 999.
    pub redis: String,
    /// RabbitMQ 4.0 to 4.3, whose PATH holds `rabbitmq-server`, for uid 999.
    pub rabbitmq: String,
}

#[cfg(test)]
mod tests {
    use pingstack_crd::SecurityProfile;

    use crate::fixtures;

    #[test]
    fn a_cluster_with_openshifts_api_gives_out_users_unless_the_chart_says_otherwise() {
        use SecurityProfile::{Auto, OpenShift, Restricted};
        let plain = ["apps", "policy"];
        let openshift = ["apps", "security.openshift.io"];
        for (written, groups, settled) in [
            (Auto, plain, Restricted),
            (Auto, openshift, OpenShift),
            (Restricted, openshift, Restricted),
            (OpenShift, plain, OpenShift),
        ] {
            let mut platform = fixtures::platform();
            platform.security_profile = written;
            platform.settle(groups.into_iter());
            assert_eq!(platform.security_profile, settled, "{written:?} {groups:?}");
        }
    }
}
