//! The operator's external metrics, as the API server passes them on.

use std::time::Duration;

use http::Request;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::Api;
use serde_json::Value;

use crate::{
    case::Case,
    wait::{chain, eventually, seen},
};

/// The path of the API.
pub const PATH: &str = "/apis/external.metrics.k8s.io/v1beta1";
/// The name of its `APIService`.
pub const API_SERVICE: &str = "v1beta1.external.metrics.k8s.io";
pub const BACKLOG: &str = "pingstack_mail_backlog";

impl Case {
    /// The body of a GET of the API server, or why there is none. Nothing is retried.
    pub async fn get_raw(&self, path: &str) -> Result<String, String> {
        let request = Request::get(path).body(Vec::new()).map_err(chain)?;
        self.cluster.once.request_text(request).await.map_err(chain)
    }

    /// The same, with the rights of another user.
    pub async fn get_raw_as(&self, path: &str, user: &str) -> Result<String, String> {
        let request = Request::get(path).header("Impersonate-User", user).body(Vec::new()).map_err(chain)?;
        self.cluster.once.request_text(request).await.map_err(chain)
    }

    /// Where the mail backlogs of the case's namespace are.
    #[must_use]
    pub fn backlog_path(&self) -> String {
        format!("{PATH}/namespaces/{}/{BACKLOG}", self.namespace)
    }

    /// The backlogs at `path`, the items of a `MetricValueList`.
    pub async fn backlogs(&self, path: &str) -> Result<Vec<Value>, String> {
        let text = self.get_raw(path).await?;
        let mut list: Value = serde_json::from_str(&text).map_err(chain)?;
        serde_json::from_value(list["items"].take()).map_err(chain)
    }

    /// All `APIService` objects, of which there is one for external metrics.
    #[must_use]
    pub fn api_services(&self) -> Api<APIService> {
        Api::all(self.kube().clone())
    }

    /// Waits until the API server reaches the external metrics.
    pub async fn wait_api_service(&self, deadline: Duration) {
        eventually(format!("the APIService {API_SERVICE} to be available"), deadline, async || {
            let found = self.api_services().get_opt(API_SERVICE).await.map_err(chain)?.ok_or("none")?;
            let conditions = found.status.and_then(|status| status.conditions).unwrap_or_default();
            let available = conditions
                .iter()
                .any(|condition| condition.type_ == "Available" && condition.status == "True");
            seen(available, || format!("{conditions:?}"))
        })
        .await;
    }

    /// Waits until nothing serves external metrics.
    pub async fn wait_no_api_service(&self, deadline: Duration) {
        eventually(format!("the APIService {API_SERVICE} to be gone"), deadline, async || {
            let found = self.api_services().get_opt(API_SERVICE).await.map_err(chain)?;
            seen(found.is_none(), || "it is there".to_owned())
        })
        .await;
    }
}
