//! A suite of `tests/cluster` on the cluster in use: loads its images, builds it, runs it, and removes what it left behind.
//! `tests/cluster/run` says how it is started.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::cargo;
use crate::environment::variable;
use crate::images;
use crate::kubernetes::Kubernetes;
use crate::program::Program;
use crate::repository::Repository;

const OPERATOR_NAMESPACE: &str = "ping-e2e-operator";
/// The label of the cases' namespaces.
const LABEL: &str = "ping-e2e";

#[derive(Debug)]
struct Suite {
    /// The name of its test target.
    name: &'static str,
    /// Those of `tests/cluster/images` that it needs.
    images: &'static [&'static str],
    /// Those that only cases outside CI need.
    images_of_full: &'static [&'static str],
    /// How many cases run at the same time unless `JOBS` says otherwise.
    jobs: &'static str,
    installs_operator: bool,
}

/// Requirements share what a cluster has once, such as kube-proxy and the provider of external metrics: one runs at a time.
const SUITES: [Suite; 4] = [
    Suite {
        name: "cases",
        images: &["test-client", "nginx"],
        images_of_full: &["metrics-server"],
        jobs: "3",
        installs_operator: true,
    },
    Suite {
        name: "requirements",
        images: &["external-metrics-stub"],
        images_of_full: &[],
        jobs: "1",
        installs_operator: false,
    },
    Suite { name: "charts", images: &[], images_of_full: &[], jobs: "1", installs_operator: false },
    Suite {
        name: "bench",
        images: &["test-client", "nginx"],
        images_of_full: &[],
        jobs: "1",
        installs_operator: true,
    },
];

pub(crate) fn run(repository: &Repository, cases: &[String]) -> Result<String> {
    let suite = Suite::named(variable("SUITE").as_deref())?;
    let kubernetes = Kubernetes::in_use(repository)?;
    let (kubectl, helm) = (kubernetes.client("kubectl")?, kubernetes.client("helm")?);
    let is_full = runs_all(variable("FULL").is_some(), cases);
    let names = suite.images_for(is_full);
    if !names.is_empty() {
        images::for_the_cluster(repository, images::LISTS[1], &names)?;
    }
    let logs = repository.build_folder("cluster-cases")?;
    let log = logs.join("build.log");
    // The build that `make test` has: naming one package would build its dependencies once more.
    let cargo = || {
        Program::new("cargo")
            .arguments(["test", "--workspace", "--locked", "--test", suite.name])
            .inside(repository.root())
    };
    let say_progress = || eprintln!("suite: {}", cargo::progress(&log));
    cargo().argument("--no-run").output_with_progress(&log, say_progress)?;
    let mut cargo = cargo()
        .argument("--")
        .arguments(suite.arguments(variable("JOBS").as_deref(), is_full, cases))
        .variable("KUBECTL", &kubectl.display().to_string())
        .variable("HELM", &helm.display().to_string())
        .variable("PING_CLUSTER_WAY", &kubernetes.way)
        // A step that fails says what it waited for; frames of the runtime would hide it.
        .variable("RUST_BACKTRACE", "0");
    if let Some(kubeconfig) = kubernetes.kubeconfig()? {
        cargo = cargo.variable("KUBECONFIG", &kubeconfig);
    }
    let results = logs.join("result");
    let passed = cargo.shown_but_output_into(&results);
    let cleaned = if variable("KEEP").is_some() { Ok(()) } else { suite.clean_up(&kubernetes) };
    print!("{}", fs::read_to_string(&results).context("the results cannot be read")?);
    passed.and(cleaned)?;
    Ok(String::new())
}

/// A case that is named runs although only the full suite has it.
fn runs_all(is_full: bool, cases: &[String]) -> bool {
    is_full || !cases.is_empty()
}

impl Suite {
    fn named(name: Option<&str>) -> Result<&'static Self> {
        let name = name.unwrap_or(SUITES[0].name);
        let suite = SUITES.iter().find(|suite| suite.name == name);
        suite.with_context(|| {
            let known = SUITES.map(|suite| suite.name).join(", ");
            format!("no suite '{name}': {known} are known")
        })
    }

    fn images_for(&self, is_full: bool) -> Vec<String> {
        let more = if is_full { self.images_of_full } else { &[] };
        self.images.iter().chain(more).map(|&name| name.to_owned()).collect()
    }

    /// Of the test program.
    fn arguments(&self, jobs: Option<&str>, is_full: bool, cases: &[String]) -> Vec<String> {
        let mut arguments = vec!["--test-threads".to_owned(), jobs.unwrap_or(self.jobs).to_owned()];
        if is_full {
            arguments.push("--include-ignored".to_owned());
        }
        arguments.extend_from_slice(cases);
        arguments
    }

    /// Removes what the cases left behind. Only a suite that has installed the operator removes it and its CRD.
    fn clean_up(&self, kubernetes: &Kubernetes<'_>) -> Result<()> {
        let wait = ["wait", "namespace", "--selector", LABEL, "--for", "delete", "--timeout", "300s"];
        if kubernetes.kubectl(wait).quietly().is_err() {
            let names = kubernetes.kubectl(["get", "namespaces", "--selector", LABEL]).output()?;
            bail!("these namespaces stay:\n{names}");
        }
        if !self.installs_operator {
            return Ok(());
        }
        let uninstall = ["uninstall", "ping-operator", "--namespace", OPERATOR_NAMESPACE];
        let waiting = ["--ignore-not-found", "--wait", "--timeout", "120s"];
        let uninstalled = kubernetes.helm(uninstall).arguments(waiting).quietly();
        let delete = ["delete", "namespace", OPERATOR_NAMESPACE, "--ignore-not-found", "--timeout", "300s"];
        uninstalled.and(kubernetes.kubectl(delete).quietly())
    }
}

#[cfg(test)]
mod tests {
    use super::{SUITES, Suite, runs_all};
    use crate::images;
    use crate::repository::Repository;

    #[test]
    fn the_cases_run_unless_another_suite_is_named() {
        assert_eq!(Suite::named(None).unwrap().name, "cases");
        assert_eq!(Suite::named(Some("bench")).unwrap().name, "bench");
        let error = Suite::named(Some("benches")).unwrap_err().to_string();
        assert_eq!(error, "no suite 'benches': cases, requirements, charts, bench are known");
    }

    #[test]
    fn each_suite_is_a_test_target_and_its_images_are_in_the_list() {
        let repository = Repository::of_this_program();
        let images = images::read(&repository, images::LISTS[1]).unwrap();
        for suite in SUITES {
            assert!(repository.has(format!("tests/cluster/tests/{}/main.rs", suite.name)), "{suite:?}");
            let is_listed = |name: &&str| images.iter().any(|image| image.name == **name);
            assert!(suite.images.iter().chain(suite.images_of_full).all(is_listed), "{suite:?}");
        }
    }

    #[test]
    fn cases_that_are_named_run_whichever_they_are() {
        let named = ["nodes::".to_owned()];
        assert_eq!([runs_all(false, &[]), runs_all(true, &[]), runs_all(false, &named)], [false, true, true]);
        let suite = Suite::named(None).unwrap();
        assert_eq!(suite.arguments(None, false, &[]), ["--test-threads", "3"]);
        let all = ["--test-threads", "5", "--include-ignored", "nodes::"];
        assert_eq!(suite.arguments(Some("5"), true, &named), all);
        assert_eq!(suite.images_for(false), ["test-client", "nginx"]);
        assert_eq!(suite.images_for(true), ["test-client", "nginx", "metrics-server"]);
    }
}
