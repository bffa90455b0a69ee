//! Everything that can be set, from the environment or the command line; `--help` is the reference. The chart sets it.

use clap::{Args, Parser, Subcommand};
use external_metrics::Settings;
use pingstack_crd::{SecurityProfile, pod_template::PodTemplate};
use serde::Deserialize as _;
use serde_json::Value;
use service_kit::telemetry::LogFormat;

use crate::{
    controller::build::pod_template::check_default,
    names::MANAGER,
    platform::{Images, Platform, SinkAddress},
};

/// Turns PingStack objects into running Pings
#[derive(Debug, Clone, Parser)]
#[command(name = "ping-operator", version)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Watch PingStacks and reconcile them
    Run(Box<Config>),
    /// Print the CustomResourceDefinition as YAML
    Crd,
}

/// The settings of `run`.
#[derive(Debug, Clone, Args)]
pub struct Config {
    /// Address that the management port listens on
    #[arg(long, env = "BIND_ADDRESS", default_value = "0.0.0.0")]
    pub bind_address: std::net::IpAddr,
    /// Port of /livez, /readyz and /metrics
    #[arg(long, env = "MANAGEMENT_PORT", default_value_t = 8081)]
    pub management_port: u16,
    /// Port of the external metrics API, which only the API server may call
    #[arg(long, env = "METRICS_API_PORT", default_value_t = 8443)]
    pub metrics_api_port: u16,
    /// The Service in front of it, in the operator's namespace, port 443
    #[arg(long, env = "METRICS_API_SERVICE", default_value = "ping-operator-metrics-api")]
    pub metrics_api_service: String,
    /// Port of the sink for mails of synthetic sign-ins, which the leader listens on
    #[arg(long, env = "SIGN_IN_SINK_PORT", default_value_t = 2525)]
    pub sign_in_sink_port: u16,
    /// The Service in front of it, in the operator's namespace, without a cluster IP
    #[arg(long, env = "SIGN_IN_SINK_SERVICE", default_value = "ping-operator-sign-in-sink")]
    pub sign_in_sink_service: String,
    /// The Secret with the authority and certificate of the external metrics API, made by the leader
    #[arg(long, env = "METRICS_API_SECRET", default_value = "ping-operator-metrics-api")]
    pub metrics_api_secret: String,
    /// The operator's ClusterRole, which owns the `APIService`, so that this goes with it
    #[arg(long, env = "CLUSTER_ROLE", default_value = "ping-operator")]
    pub cluster_role: String,
    /// Namespaces whose stacks are reconciled; none given = all
    #[arg(long, env = "WATCH_NAMESPACES", value_delimiter = ',')]
    pub watch_namespaces: Vec<String>,
    /// Hosts of external brokers that the operator may connect to, `*.example.org` for all below it; none given = all but this
    /// machine, its links and metadata services
    #[arg(long, env = "ALLOWED_BROKER_HOSTS", value_delimiter = ',')]
    pub allowed_broker_hosts: Vec<String>,
    /// The operator's own namespace, which holds its Lease
    #[arg(long, env = "POD_NAMESPACE")]
    pub namespace: String,
    /// The name of this replica, unique in the namespace
    #[arg(long, env = "POD_NAME")]
    pub pod_name: String,
    /// The Lease that decides which replica reconciles
    #[arg(long, env = "LEASE_NAME", default_value = "ping-operator")]
    pub lease_name: String,
    /// What stacks run
    #[command(flatten)]
    pub images: ImageArgs,
    /// The ingress controller's namespace, which NetworkPolicies let in to the API
    #[arg(long, env = "INGRESS_NAMESPACE")]
    pub ingress_namespace: Option<String>,
    /// Prometheus' namespace, which NetworkPolicies let in to the metrics
    #[arg(long, env = "PROMETHEUS_NAMESPACE")]
    pub prometheus_namespace: Option<String>,
    /// What is added to the pods of all stacks, a `podTemplate` of a PingStack as JSON
    #[arg(long, env = "POD_TEMPLATE", value_parser = pod_template, default_value = "{}", hide_default_value = true)]
    pub pod_template: PodTemplate,
    /// Who sets the users that processes run as: Restricted (the operator), OpenShift (the cluster), or Auto (by whether the
    /// cluster has OpenShift's API)
    #[arg(long, env = "SECURITY_PROFILE", value_parser = security_profile, default_value = "Auto")]
    pub security_profile: SecurityProfile,
    /// What the address of an alert's page begins with
    #[arg(long, env = "RUNBOOKS_URL", default_value = "https://pingstack.dev/runbooks/")]
    pub runbooks_url: String,
    /// How log lines look: auto, json or compact
    #[arg(long, env = "LOG_FORMAT", default_value = "auto")]
    pub log_format: LogFormat,
    /// What is logged, a `tracing` directive list
    #[arg(long, env = "LOG_FILTER", default_value = "info")]
    pub log_filter: String,
}

/// What stacks run.
#[derive(Debug, Clone, Args)]
pub struct ImageArgs {
    /// Image of user-service
    #[arg(long, env = "USER_SERVICE_IMAGE")]
    pub user_service_image: String,
    /// Image of mail-service
    #[arg(long, env = "MAIL_SERVICE_IMAGE")]
    pub mail_service_image: String,
    /// Image of Redis 7.2 to 8
    #[arg(long, env = "REDIS_IMAGE")]
    pub redis_image: String,
    /// Image of RabbitMQ 4.0 to 4.3
    #[arg(long, env = "RABBITMQ_IMAGE")]
    pub rabbitmq_image: String,
    /// Secrets in the operator's namespace with which nodes pull them; every stack gets a copy
    #[arg(long, env = "IMAGE_PULL_SECRETS", value_delimiter = ',')]
    pub image_pull_secrets: Vec<String>,
    /// When nodes pull them
    #[arg(long, env = "IMAGE_PULL_POLICY", default_value = "IfNotPresent", value_parser = ["Always", "IfNotPresent", "Never"])]
    pub image_pull_policy: String,
}

impl Config {
    /// What the operator brings to every stack.
    #[must_use]
    pub fn platform(&self) -> Platform {
        // An empty value in the environment means: not set.
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        Platform {
            images: Images {
                user_service: self.images.user_service_image.clone(),
                mail_service: self.images.mail_service_image.clone(),
                redis: self.images.redis_image.clone(),
                rabbitmq: self.images.rabbitmq_image.clone(),
            },
            pull_secrets: names(&self.images.image_pull_secrets),
            pod_template: self.pod_template.clone(),
            security_profile: self.security_profile,
            image_pull_policy: self.images.image_pull_policy.clone(),
            operator_namespace: self.namespace.clone(),
            sign_in_sink: SinkAddress {
                host: format!("{}.{}.svc", self.sign_in_sink_service, self.namespace),
                port: self.sign_in_sink_port,
            },
            ingress_namespace: given(&self.ingress_namespace),
            prometheus_namespace: given(&self.prometheus_namespace),
            runbooks_url: self.runbooks_url.clone(),
        }
    }

    /// Where the external metrics API listens.
    #[must_use]
    pub fn metrics_api_address(&self) -> std::net::SocketAddr {
        std::net::SocketAddr::new(self.bind_address, self.metrics_api_port)
    }

    /// What the external metrics API needs to know of its surroundings.
    #[must_use]
    pub fn metrics_api(&self) -> Settings {
        Settings {
            manager: MANAGER.to_owned(),
            namespace: self.namespace.clone(),
            pod_name: self.pod_name.clone(),
            service: self.metrics_api_service.clone(),
            secret: self.metrics_api_secret.clone(),
            cluster_role: self.cluster_role.clone(),
        }
    }

    /// Where the sink for mails of synthetic sign-ins listens.
    #[must_use]
    pub fn sign_in_sink(&self) -> std::net::SocketAddr {
        std::net::SocketAddr::new(self.bind_address, self.sign_in_sink_port)
    }

    /// One entry per watch: a namespace each, or `None` for all.
    #[must_use]
    pub fn scopes(&self) -> Vec<Option<String>> {
        let scopes = names(&self.watch_namespaces).into_iter().map(Some).collect::<Vec<_>>();
        if scopes.is_empty() { vec![None] } else { scopes }
    }
}

/// The entries of a list that are not empty.
fn names(list: &[String]) -> Vec<String> {
    let named = list.iter().map(|name| name.trim()).filter(|name| !name.is_empty());
    named.map(str::to_owned).collect()
}

/// Reads a template, and says what of it a template may not have.
fn pod_template(text: &str) -> Result<PodTemplate, String> {
    let text = if text.is_empty() { "{}" } else { text };
    let written: Value = serde_json::from_str(text).map_err(|error| format!("no JSON: {error}"))?;
    let template = PodTemplate::deserialize(&written).map_err(|error| error.to_string())?;
    let known = ["metadata", "env", "spec", "serviceAccountAnnotations"];
    let names = written.as_object().into_iter().flat_map(|fields| fields.keys());
    if let Some(unknown) = names.into_iter().find(|name| !known.contains(&name.as_str())) {
        return Err(format!("podTemplate.{unknown} is not a field of it: use {}", known.join(", ")));
    }
    check_default("podTemplate", &template).map_err(|refused| refused.to_string())?;
    Ok(template)
}

fn security_profile(text: &str) -> Result<SecurityProfile, String> {
    let parsed = SecurityProfile::deserialize(Value::from(text));
    parsed.map_err(|_| "write Auto, Restricted or OpenShift".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::{Cli, Command, Config};

    fn config(arguments: &[&str]) -> Config {
        let required = [
            "ping-operator",
            "run",
            "--namespace=operator",
            "--pod-name=one",
            "--user-service-image=u",
            "--mail-service-image=m",
            "--redis-image=r",
            "--rabbitmq-image=q",
        ];
        match Cli::try_parse_from(required.iter().chain(arguments)).unwrap().command {
            Command::Run(config) => *config,
            Command::Crd => panic!("run was asked for"),
        }
    }

    #[test]
    fn the_command_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_namespace_means_all_of_them() {
        assert_eq!(config(&[]).scopes(), [None]);
        assert_eq!(config(&["--watch-namespaces="]).scopes(), [None]);
        let two = config(&["--watch-namespaces=a, b"]).scopes();
        assert_eq!(two, [Some("a".to_owned()), Some("b".to_owned())]);
    }

    #[test]
    fn empty_namespaces_of_neighbours_are_none() {
        let platform = config(&["--ingress-namespace=", "--prometheus-namespace=monitoring"]).platform();
        assert_eq!(platform.ingress_namespace, None);
        assert_eq!(platform.prometheus_namespace.as_deref(), Some("monitoring"));
    }

    #[test]
    fn a_template_for_all_stacks_is_checked_at_start() {
        let read = |json: &str| super::pod_template(json);
        let template = read(
            r#"{"spec":{"tolerations":[{"key":"a","operator":"Exists"}]},"env":[{"name":"A","value":"b"}]}"#,
        );
        assert_eq!(template.unwrap().env[0].name, "A");
        assert_eq!(read("").unwrap(), pingstack_crd::pod_template::PodTemplate::default());
        for (json, why) in [
            (r#"{"labels":{}}"#, "podTemplate.labels is not a field"),
            (
                r#"{"spec":{"hostNetwork":true}}"#,
                "podTemplate.spec.hostNetwork breaks the Pod Security Standard",
            ),
            (
                r#"{"spec":{"containers":[{"name":"redis","image":"x"}]}}"#,
                "podTemplate.spec.containers[redis].image is set by the operator",
            ),
            (
                r#"{"spec":{"containers":[{"name":"side"}]}}"#,
                "podTemplate.spec.containers[side] has no image",
            ),
            ("[", "no JSON"),
        ] {
            let refused = read(json).unwrap_err();
            assert!(refused.contains(why), "{json}: {refused}");
        }
    }

    #[test]
    fn the_security_profile_is_one_of_three() {
        assert!(
            config(&["--security-profile=OpenShift"]).platform().security_profile
                == pingstack_crd::SecurityProfile::OpenShift
        );
        assert!(super::security_profile("Openshift").is_err());
    }

    #[test]
    fn the_reference_in_the_docs_is_current() {
        let cli = Cli::command();
        test_kit::documents::assert_configuration("ping-operator", cli.find_subcommand("run").unwrap());
    }
}
