//! `make load`: logins at the demo from a pod in its namespace, while each line shows how long the queue is and how many
//! consumers there are. It ends when the queue is empty again and every login that was answered 200 has its mail.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::state::State;
use super::{NAMESPACE, STACK};
use crate::kubernetes::Kubernetes;
use crate::program::Program;
use crate::repository::Repository;

const DEADLINE: Duration = Duration::from_mins(15);
const PAUSE: Duration = Duration::from_secs(2);
/// As many mails as Mailpit keeps.
const MOST: u32 = 20_000;
const USUAL: u32 = 3000;
const POD: &str = "load";

pub(crate) fn run(repository: &Repository, count: Option<&str>) -> Result<String> {
    let count = count_of(count)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let kubernetes = State::of(repository)?.cluster(repository)?;
    let load = Load { kubernetes, prefix: format!("load-{}", now.as_secs()), count };
    load.kubectl(&["get", "pingstack", STACK])
        .quietly()
        .context("there is no PingStack: make up makes it")?;
    let outcome = load.start_pod().and_then(|()| load.watch());
    // Removed whatever happened.
    let _ = load.kubectl(&["delete", "pod", POD, "--ignore-not-found", "--wait=false"]).quietly();
    outcome
}

fn count_of(text: Option<&str>) -> Result<u32> {
    let count = text.map_or(Ok(USUAL), str::parse).ok().filter(|count| (1..=MOST).contains(count));
    count.with_context(|| {
        format!("how many logins? {MOST} at most, for Mailpit keeps no more mails: make load N={USUAL}")
    })
}

struct Load<'a> {
    kubernetes: Kubernetes<'a>,
    prefix: String,
    count: u32,
}

/// What a line of the table shows.
struct Progress {
    confirmed: usize,
    mailed: usize,
    /// `None` where nobody knows it.
    queued: Option<u64>,
    consumers: String,
}

impl Load<'_> {
    fn kubectl(&self, arguments: &[&str]) -> Program {
        self.kubernetes.kubectl([&["--namespace", NAMESPACE], arguments].concat())
    }

    fn start_pod(&self) -> Result<()> {
        let query = "jsonpath={.spec.template.spec.containers[0].image}";
        let deployment = format!("{STACK}-user-service");
        let services = self.kubectl(&["get", "deployment", &deployment, "--output", query]).output()?;
        let text = self.kubernetes.repository.read("k8s/load-pod.yaml")?;
        let mut pod: Value = serde_yaml::from_str(&text).context("k8s/load-pod.yaml is not an object")?;
        let container = &mut pod["spec"]["containers"][0];
        // Of the same registry and build as the demo's.
        container["image"] = json!(services.replace("user-service", "kubectl-ping"));
        let url = format!("http://{STACK}-user-service");
        container["args"] =
            json!(["load", "--url", url, "--prefix", self.prefix, "--count", self.count.to_string()]);
        self.kubectl(&["delete", "pod", POD, "--ignore-not-found"]).quietly()?;
        self.kubectl(&["create", "--filename", "-"]).input(&pod.to_string()).quietly()?;
        // A pod that has ended already is fine, too.
        let running = "jsonpath={.status.phase}=Running";
        let _ = self.kubectl(&["wait", "pod", POD, "--for", running, "--timeout", "60s"]).quietly();
        Ok(())
    }

    fn watch(&self) -> Result<String> {
        let began = Instant::now();
        println!(
            "{:>7} {:>15} {:>8} {:>11} {:>8}",
            "seconds", "answered 200", "queued", "consumers", "mailed"
        );
        loop {
            let log = self.log();
            let progress = self.progress(&log)?;
            let seconds = began.elapsed().as_secs();
            let queued = progress.queued.map_or_else(|| "unknown".to_owned(), |queued| queued.to_string());
            let Progress { confirmed, mailed, ref consumers, .. } = progress;
            println!("{seconds:7} {confirmed:15} {queued:>8} {consumers:>11} {mailed:8}");
            if self.has_ended()? && mailed >= confirmed && progress.queued == Some(0) {
                let answers = answers(&self.log(), self.count);
                if confirmed == 0 {
                    bail!("no login was answered 200: {answers}");
                }
                return Ok(format!("answers: {answers}; {mailed} mails came in {seconds} s"));
            }
            if began.elapsed() > DEADLINE {
                bail!(
                    "after {seconds} s {mailed} of {confirmed} mails have come: see kubectl -n {NAMESPACE} get ping,pods"
                );
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// A line for each login: its status and its address.
    fn log(&self) -> String {
        self.kubectl(&["logs", POD]).all_output().unwrap_or_default()
    }

    fn progress(&self, log: &str) -> Result<Progress> {
        let deployment = format!("{STACK}-mail-service");
        let ready = ["get", "deployment", &deployment, "--output", "jsonpath={.status.readyReplicas}"];
        let mails = format!(
            "/api/v1/namespaces/{NAMESPACE}/services/demo-mailpit:8025/proxy/api/v1/search?query=to:{}&limit=1",
            self.prefix
        );
        let mails: Value = serde_json::from_str(&self.kubectl(&["get", "--raw", &mails]).output()?)?;
        let mailed = mails["messages_count"].as_u64().unwrap_or_default();
        Ok(Progress {
            confirmed: log.lines().filter(|line| line.starts_with("200 ")).count(),
            mailed: usize::try_from(mailed)?,
            queued: self.queued(),
            consumers: self.kubectl(&ready).output()?,
        })
    }

    fn queued(&self) -> Option<u64> {
        let path = format!(
            "/apis/external.metrics.k8s.io/v1beta1/namespaces/{NAMESPACE}/pingstack_mail_backlog?labelSelector=pingstack%3D{STACK}"
        );
        let list = self.kubectl(&["get", "--raw", &path]).all_output().ok()?;
        let list: Value = serde_json::from_str(&list).ok()?;
        list["items"][0]["value"].as_str()?.parse().ok()
    }

    fn has_ended(&self) -> Result<bool> {
        let phase = self.kubectl(&["get", "pod", POD, "--output", "jsonpath={.status.phase}"]).output()?;
        Ok(["Succeeded", "Failed"].contains(&phase.as_str()))
    }
}

/// How many logins ended with which status.
fn answers(log: &str, count: u32) -> String {
    let mut statuses: Vec<&str> = log.lines().filter_map(|line| line.split(' ').next()).collect();
    statuses.sort_unstable();
    let groups = statuses.chunk_by(|one, other| one == other);
    let groups: Vec<String> =
        groups.map(|group| format!("{} of {count} logins {}", group.len(), group[0])).collect();
    groups.join(", ")
}

#[cfg(test)]
mod tests {
    use super::{answers, count_of};

    #[test]
    fn a_load_has_as_many_logins_as_mailpit_keeps_mails() {
        assert_eq!(count_of(None).unwrap(), 3000);
        assert_eq!(count_of(Some("20000")).unwrap(), 20_000);
        for bad in ["0", "20001", "-1", "many"] {
            assert!(count_of(Some(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn answers_are_counted_by_status() {
        let log = "200 load-1@example.org\n503 load-2@example.org\n200 load-3@example.org\n";
        assert_eq!(answers(log, 3), "2 of 3 logins 200, 1 of 3 logins 503");
    }
}
