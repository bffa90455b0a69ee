//! `make up`: the whole platform on a cluster, and one sign-in. Run again, it brings up to date what is there.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::state::{Origin, State};
use super::{NAMESPACE, OPERATOR_NAMESPACE, STACK, login};
use crate::environment::variable;
use crate::images;
use crate::kubernetes::Kubernetes;
use crate::program::Program;
use crate::repository::Repository;

const READY: Duration = Duration::from_mins(5);
const PAUSE: Duration = Duration::from_secs(1);

const SCREEN: &str = "
  Ping runs on Kubernetes: namespace ping, PingStack demo.  eval \"$(k8s/cluster env)\" gives your shell kubectl and helm.

  Sign in again              make login EMAIL=you@example.org
  Fill the queue             make load N=3000       and see the consumers follow
  What is it doing           kubectl -n ping get ping,hpa,pods
  Break something            kubectl -n ping delete pod demo-rabbitmq-0       during make load: no mail is lost
                             kubectl -n ping delete deployment demo-user-service      it comes back
  The mails                  kubectl -n ping port-forward service/demo-mailpit 8025, then http://127.0.0.1:8025
  Change it                  kubectl -n ping edit pingstack demo
  Away with all of it        make down
";

pub(crate) fn run(repository: &Repository) -> Result<String> {
    let started = Instant::now();
    let kubernetes = Kubernetes::in_use(repository)?;
    let state = State::of(repository)?;
    let up = Up { kubernetes, state, started, list: images::read(repository, images::LISTS[0])? };
    up.perform(repository)?;
    Ok(SCREEN.to_owned())
}

struct Up<'a> {
    kubernetes: Kubernetes<'a>,
    state: State,
    started: Instant,
    list: Vec<images::Image>,
}

impl Up<'_> {
    fn step(&self, text: &str) {
        eprintln!("{:5}s  up: {text}", self.started.elapsed().as_secs());
    }

    fn perform(&self, repository: &Repository) -> Result<()> {
        let origin = self.origin()?;
        self.kubernetes.cluster("up")?;
        self.state.remember(&self.kubernetes.way, origin)?;
        self.kubernetes.refuse_operators_outside(OPERATOR_NAMESPACE)?;
        images::for_the_cluster(repository, images::LISTS[0], &[])?;
        self.step("installing the operator");
        self.install_operator()?;
        self.step("waiting for the PingStack to be ready");
        self.install_demo()?;
        self.wait_until_ready()?;
        self.kubernetes.kubectl(["--namespace", NAMESPACE, "get", "pingstack", STACK]).shown()?;
        self.step("one login");
        // An address of its own each time: the same one may ask again after a minute only.
        login::at_the_demo(&self.kubernetes, None)
            .inspect_err(|_| self.show_logs())
            .context("the sign-in failed: its own message and the logs are above")?;
        self.step("done");
        Ok(())
    }

    /// Whether the cluster exists, if it runs or not.
    fn origin(&self) -> Result<Origin> {
        let exists = match self.kubernetes.way.as_str() {
            "local" => self.kubernetes.repository.has(".build/k8s/node/initialised"),
            "kind" => Program::new("kind")
                .arguments(["get", "clusters"])
                .output()?
                .lines()
                .any(|line| line == "ping"),
            _ => true,
        };
        Ok(if exists { Origin::Found } else { Origin::Made })
    }

    /// The name of an image as the cluster finds it.
    fn image(&self, name: &str) -> String {
        let image = self.list.iter().find(|image| image.name == name);
        let version = image.map_or("dev", |image| image.version.as_str());
        let registry = variable("REGISTRY").unwrap_or_else(|| "localhost/ping".to_owned());
        format!("{registry}/{name}:{version}")
    }

    fn install_operator(&self) -> Result<()> {
        self.kubernetes.create_restricted(OPERATOR_NAMESPACE)?;
        let operator = self.image("operator");
        let (repository, tag) = operator.rsplit_once(':').unwrap_or((&operator, "dev"));
        let settings = [
            format!("image.repository={repository}"),
            format!("image.tag={tag}"),
            format!("stackImages.userService={}", self.image("user-service")),
            format!("stackImages.mailService={}", self.image("mail-service")),
            format!("stackImages.redis={}", self.image("redis")),
            format!("stackImages.rabbitmq={}", self.image("rabbitmq")),
            format!("test.image={}", self.image("kubectl-ping")),
        ];
        let chart = self.kubernetes.repository.path("charts/ping-operator").display().to_string();
        self.kubernetes
            .helm_upgrade(["ping-operator", &chart, "--namespace", OPERATOR_NAMESPACE])?
            .arguments(["--wait", "--timeout", "180s"])
            .arguments(set(&settings))
            .quietly()
            .with_context(|| {
                format!(
                    "the operator was not installed: see k8s/kubectl -n {OPERATOR_NAMESPACE} get pods,events"
                )
            })?;
        if self.state.has_older_images() {
            self.restart()?;
        }
        self.state.remember_images()
    }

    fn restart(&self) -> Result<()> {
        let operator = |action: &str| {
            let arguments =
                ["--namespace", OPERATOR_NAMESPACE, "rollout", action, "deployment/ping-operator"];
            self.kubernetes.kubectl(arguments)
        };
        operator("restart").quietly()?;
        operator("status").arguments(["--timeout", "180s"]).quietly()?;
        let selector = format!("pingstack.dev/stack={STACK}");
        let services =
            ["--namespace", NAMESPACE, "rollout", "restart", "deployment", "--selector", &selector];
        // Before the first PingStack there are none.
        let _ = self.kubernetes.kubectl(services).quietly();
        Ok(())
    }

    /// The mail consumers get so little of a processor that `make load` fills the queue, and their number can be seen to follow.
    fn install_demo(&self) -> Result<()> {
        self.kubernetes.create_restricted(NAMESPACE)?;
        let images = [
            format!("mailpit.image={}", self.image("mailpit")),
            format!("test.image={}", self.image("kubectl-ping")),
        ];
        let settings = [
            "mailpit.enabled=true",
            "login.limits.loginsPerClient=0",
            "login.limits.wrongCodesPerClient=0",
            "mailService.concurrency=2",
            "mailService.resources.requests.cpu=20m",
            "mailService.resources.limits.cpu=30m",
            "mailService.autoscaling.messagesPerReplica=100",
            "mailService.autoscaling.maxReplicas=8",
            "mailService.autoscaling.scaleDownStabilizationSeconds=30",
        ];
        let settings: Vec<String> = settings.map(str::to_owned).into_iter().chain(images).collect();
        let chart = self.kubernetes.repository.path("charts/pingstack").display().to_string();
        self.kubernetes
            .helm_upgrade([STACK, &chart, "--namespace", NAMESPACE])?
            .arguments(set(&settings))
            .quietly()
            .context("the PingStack was not accepted")
    }

    /// Says what it waits for whenever that changes.
    fn wait_until_ready(&self) -> Result<()> {
        let end = Instant::now() + READY;
        let mut before = String::new();
        loop {
            let get = ["--namespace", NAMESPACE, "get", "pingstack", STACK, "--output", "json"];
            let stack: Value = serde_json::from_str(&self.kubernetes.kubectl(get).output()?)?;
            let state = in_words(&stack);
            if state == "ready" {
                break;
            }
            if state != before {
                self.step(&state);
            }
            if Instant::now() > end {
                bail!(
                    "the PingStack is not ready after {} s, the last line above says why; \
                     see also k8s/kubectl -n {NAMESPACE} get ping,pods,events",
                    READY.as_secs()
                );
            }
            before = state;
            std::thread::sleep(PAUSE);
        }
        let mailpit =
            ["--namespace", NAMESPACE, "rollout", "status", "deployment/demo-mailpit", "--timeout", "120s"];
        self.kubernetes.kubectl(mailpit).quietly()
    }

    /// The last lines of the pods between a login and its mail.
    fn show_logs(&self) {
        for part in ["user-service", "mail-service", "rabbitmq"] {
            self.step(&format!("the last lines of {part}:"));
            let selector = format!("pingstack.dev/stack={STACK},pingstack.dev/part={part}");
            let logs =
                ["--namespace", NAMESPACE, "logs", "--selector", &selector, "--tail", "15", "--prefix"];
            let _ = self.kubernetes.kubectl(logs).shown();
        }
        let logs = ["--namespace", NAMESPACE, "logs", "deployment/demo-mailpit", "--tail", "15"];
        let _ = self.kubernetes.kubectl(logs).shown();
    }
}

fn set(settings: &[String]) -> impl Iterator<Item = &str> {
    settings.iter().flat_map(|setting| ["--set", setting.as_str()])
}

/// `ready` once the operator has observed this very spec and everything is there.
fn in_words(stack: &Value) -> String {
    let conditions = stack["status"]["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let ready = conditions.iter().find(|condition| condition["type"] == "Ready");
    match ready {
        Some(ready) if ready["observedGeneration"] == stack["metadata"]["generation"] => {
            if ready["status"] == "True" {
                return "ready".to_owned();
            }
            let text = |field: &str| ready[field].as_str().unwrap_or_default().to_owned();
            format!("{}: {}", text("reason"), text("message"))
        }
        _ => "the operator has not observed it yet".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::in_words;

    #[test]
    fn a_stack_is_ready_only_if_the_operator_has_observed_this_spec() {
        let stack = |generation: u32, status: &str| {
            let ready = json!({
                "type": "Ready", "status": status, "observedGeneration": 2, "reason": "Waiting", "message": "for Redis",
            });
            json!({ "metadata": { "generation": generation }, "status": { "conditions": [ready] } })
        };
        assert_eq!(in_words(&stack(2, "True")), "ready");
        assert_eq!(in_words(&stack(2, "False")), "Waiting: for Redis");
        assert_eq!(in_words(&stack(3, "True")), "the operator has not observed it yet");
        assert_eq!(
            in_words(&json!({ "metadata": { "generation": 1 } })),
            "the operator has not observed it yet"
        );
    }
}
