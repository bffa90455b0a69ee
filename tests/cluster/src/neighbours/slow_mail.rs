//! A mail server that takes half a second for each mail on each connection, and can be stopped from accepting any.

use k8s_openapi::api::core::v1::{ConfigMap, Pod, Service};
use serde_json::{Value, json};

use crate::{
    case::Case,
    cluster::{Cluster, images::image},
    deadline,
    neighbours::pod,
};

const NAME: &str = "slow-mail";
const PORT: u16 = 1025;
/// In Perl, which the image of Redis has.
const PROGRAM: &str = include_str!("slow-mail");
/// While this file exists, no mail is taken.
const HOLD: &str = "/tmp/hold";

/// The server, once it runs.
pub struct SlowMail<'a> {
    case: &'a Case,
}

impl Case {
    /// Starts it, and waits until it is ready.
    pub async fn start_slow_mail(&self) -> SlowMail<'_> {
        let program = json!({ "metadata": { "name": NAME }, "data": { "server": PROGRAM } });
        let service = json!({
            "metadata": { "name": NAME },
            "spec": { "selector": { "app.kubernetes.io/name": NAME }, "ports": [{ "port": PORT }] },
        });
        let _: ConfigMap = self.apply(program).await;
        let _: Service = self.apply(service).await;
        let _: Pod = self.apply(pod(&self.cluster)).await;
        self.wait_pod_ready(NAME, deadline::MAIL).await;
        SlowMail { case: self }
    }
}

impl SlowMail<'_> {
    /// `spec.smtp` of a stack that uses it.
    #[must_use]
    pub fn smtp() -> Value {
        json!({ "host": NAME, "port": PORT })
    }

    /// Takes no mail until [`SlowMail::go_on`].
    pub async fn hold(&self) {
        self.case.exec(NAME, &["touch", HOLD]).await;
    }

    /// Takes mails again.
    pub async fn go_on(&self) {
        self.case.exec(NAME, &["rm", HOLD]).await;
    }

    /// The recipient of each mail that was taken, copies included.
    pub async fn recipients(&self) -> Vec<String> {
        let log = self.case.log(NAME, false).await;
        log.lines().filter_map(|line| line.split_whitespace().nth(1)).map(str::to_owned).collect()
    }
}

fn pod(cluster: &Cluster) -> Value {
    let container = json!({
        "name": NAME, "image": image(cluster, "redis"), "command": ["perl", "/etc/slow-mail/server"],
        "readinessProbe": { "tcpSocket": { "port": PORT }, "periodSeconds": 1 },
        "resources": { "requests": { "cpu": "5m", "memory": "16Mi" }, "limits": { "memory": "256Mi" } },
        "volumeMounts": [
            { "name": "program", "mountPath": "/etc/slow-mail", "readOnly": true },
            { "name": "tmp", "mountPath": "/tmp" },
        ],
    });
    let volumes = json!([
        { "name": "program", "configMap": { "name": NAME } },
        { "name": "tmp", "emptyDir": {} },
    ]);
    pod::restricted(&container, &volumes)
}
