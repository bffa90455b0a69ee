//! What the metrics server needs to know of its surroundings.

use std::net::SocketAddr;

/// Names of the server's own objects, which the chart makes or its RBAC rules name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The operator's namespace.
    pub namespace: String,
    /// This replica's pod.
    pub pod_name: String,
    /// The Service in front of all replicas' metrics servers, port 443.
    pub service: String,
    /// The Secret with authority and serving certificate. The leader makes it.
    pub secret: String,
    /// The `ClusterRole` that owns the `APIService`.
    pub cluster_role: String,
    /// Where to listen.
    pub address: SocketAddr,
}

impl Settings {
    /// The names that the serving certificate is for. The API server asks for the last.
    #[must_use]
    pub fn dns_names(&self) -> Vec<String> {
        let service = &self.service;
        let namespace = &self.namespace;
        vec![service.clone(), format!("{service}.{namespace}"), format!("{service}.{namespace}.svc")]
    }
}
