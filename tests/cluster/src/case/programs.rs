//! Programs that a case runs on this machine: kubectl, Helm, scripts.

use std::path::Path;

use crate::{
    case::Case,
    cluster::{
        Forward,
        images::image,
        kubectl::{run, run_path, run_with_input},
    },
    settings,
};

impl Case {
    /// What Helm printed.
    pub async fn helm(&self, arguments: &[&str]) -> String {
        self.try_helm(arguments).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// What Helm printed, or why it failed.
    pub async fn try_helm(&self, arguments: &[&str]) -> Result<String, String> {
        run("helm", arguments).await
    }

    /// What kubectl printed after it has read objects from `input`, each in its own namespace.
    pub async fn kubectl_with_input(&self, arguments: &[&str], input: &str) -> String {
        self.try_kubectl_with_input(arguments, input).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// The same, or why it failed.
    pub async fn try_kubectl_with_input(&self, arguments: &[&str], input: &str) -> Result<String, String> {
        run_with_input(Path::new(&settings::program("kubectl")), arguments, input.as_bytes()).await
    }

    /// What a program of this machine printed.
    pub async fn program(&self, name: &str, arguments: &[&str]) -> String {
        self.try_program(name, arguments).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// What a program of this machine printed, or why it failed.
    pub async fn try_program(&self, name: &str, arguments: &[&str]) -> Result<String, String> {
        run_path(Path::new(name), arguments).await
    }

    /// Forwards a port of a pod of the case.
    pub async fn forward(&self, pod: &str, port: u16) -> Forward {
        Forward::to(&self.namespace, &format!("pod/{pod}"), port).await
    }

    /// The whole name of an image of the lists.
    #[must_use]
    pub fn image(&self, name: &str) -> String {
        image(&self.cluster, name)
    }
}
