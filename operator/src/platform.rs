//! What the operator brings to every stack: images, and where its neighbours run.

/// What the operator brings to every stack. The chart's values set it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform {
    /// The images of what it runs.
    pub images: Images,
    /// `Always`, `IfNotPresent` or `Never`.
    pub image_pull_policy: String,
    /// The operator's own namespace: brokers let it in to their management port.
    pub operator_namespace: String,
    /// Where the ingress controller runs; NetworkPolicies let it in to the API.
    pub ingress_namespace: Option<String>,
    /// Where Prometheus runs; NetworkPolicies let it in to the metrics.
    pub prometheus_namespace: Option<String>,
    /// What the address of an alert's page begins with.
    pub runbooks_url: String,
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
