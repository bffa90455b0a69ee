//! What the metrics server needs to know of its surroundings.

/// Who the program is, and the names of the server's own objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The program's name: it is in the certificates, and the label `app.kubernetes.io/managed-by` of what it writes has it.
    pub manager: String,
    /// The program's namespace.
    pub namespace: String,
    /// This replica's pod.
    pub pod_name: String,
    /// The Service in front of all replicas' metrics servers, port 443.
    pub service: String,
    /// The Secret with authority and serving certificate. The leader makes it.
    pub secret: String,
    /// The `ClusterRole` that owns the `APIService`, so that this goes with it.
    pub cluster_role: String,
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
