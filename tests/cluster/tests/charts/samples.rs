//! `k8s/samples`: all are accepted, and the chart makes the same stacks.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::life::Life;

impl Life<'_> {
    pub(crate) async fn every_sample_passes_a_server_side_dry_run(&self) {
        for sample in self.samples() {
            // Into a namespace that has no Mailpit of the chart's.
            let sample = sample.display().to_string();
            let mut arguments = vec!["--namespace", &self.operator, "apply", "--server-side"];
            arguments.extend(["--dry-run=server", "--filename", &sample]);
            self.case.kubectl(&arguments).await;
        }
    }

    pub(crate) async fn the_chart_makes_the_same_stack_as_each_sample(&self) {
        let chart = self.charts().join("pingstack").display().to_string();
        let values = self.case.cluster.repository.join(".build/cluster-cases/values.yaml");
        for sample in self.samples() {
            let mut stack = first_document(&sample);
            std::fs::write(&values, stack["spec"].to_string()).expect("a file of values");
            let values = values.display().to_string();
            let mut arguments = vec!["template", "like-sample", &chart, "--values", &values];
            arguments.extend([
                "--namespace",
                &self.case.namespace,
                "--show-only",
                "templates/pingstack.yaml",
            ]);
            let rendered = self.case.helm(&arguments).await;
            // Another name: the cluster may have a stack called like the sample.
            stack["metadata"]["name"] = json!("like-sample");
            let [from_chart, from_sample] =
                [self.completed(&rendered).await, self.completed(&stack.to_string()).await];
            assert_eq!(from_sample, from_chart, "{}", sample.display());
        }
    }

    /// The spec as the API server completes it.
    async fn completed(&self, object: &str) -> Value {
        let mut create = vec!["--namespace", self.case.namespace.as_str(), "create", "--dry-run=server"];
        create.extend(["--output", "json", "--filename", "-"]);
        let printed = self.case.kubectl_with_input(&create, object).await;
        let mut object: Value = serde_json::from_str(&printed).expect("an object");
        object["spec"].take()
    }

    fn samples(&self) -> Vec<PathBuf> {
        let folder = std::fs::read_dir(self.case.cluster.repository.join("k8s/samples")).expect("samples");
        let mut samples: Vec<PathBuf> = folder.map(|entry| entry.expect("a sample").path()).collect();
        samples.retain(|path| path.extension().is_some_and(|ending| ending == "yaml"));
        samples.sort();
        assert!(!samples.is_empty(), "there is no sample");
        samples
    }
}

/// The PingStack of a sample; what follows are objects that it needs.
fn first_document(sample: &Path) -> Value {
    let text = std::fs::read_to_string(sample).expect("a sample");
    let first = text.split("\n---").next().unwrap_or_default();
    serde_yaml::from_str(first).unwrap_or_else(|error| panic!("{}: {error}", sample.display()))
}
