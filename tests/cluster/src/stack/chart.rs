//! A stack installed from its own chart.

use crate::{cluster::kubectl, stack::Stack};

impl Stack<'_> {
    /// Installs `charts/pingstack`, or upgrades it, and waits as `helm --wait` does, for at most `timeout` such as `30s`.
    /// What Helm said is the error where the stack was not ready by then.
    pub async fn try_install_chart(&self, timeout: &str) -> Result<(), String> {
        let chart = self.case.cluster.repository.join("charts/pingstack").display().to_string();
        let mut arguments = vec!["upgrade", "--install", &self.name, &chart];
        arguments.extend(["--namespace", self.case.namespace.as_str()]);
        let settings = [
            "smtp.host=mailpit",
            "smtp.port=1025",
            "smtp.tls=None",
            "smtp.from=no-reply@example.org",
            "userService.resources.requests.cpu=5m",
            "rabbitmq.managed.resources.requests.cpu=20m",
        ];
        arguments.extend(settings.iter().flat_map(|setting| ["--set", setting]));
        arguments.extend(["--wait", "--timeout", timeout]);
        kubectl::run("helm", &arguments).await.map(drop)
    }
}
