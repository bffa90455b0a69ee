//! `support-bundle`: what somebody who helps needs, in one archive, without secrets, addresses and codes.
//!
//! Secrets and `ConfigMaps` are never read. Of objects, what users may have put secrets into is left out ([`objects`]), and every
//! text passes through [`redact`] before it is written.

mod archive;
mod objects;
mod redact;

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::arguments::{Cluster, SupportBundle};
use crate::kubectl::selector;
use archive::Archive;

/// Kinds that belong to a stack. No Secrets and no `ConfigMaps`.
const KINDS: &str = "deployments,statefulsets,replicasets,pods,services,endpointslices,persistentvolumeclaims,networkpolicies,\
                     ingresses,horizontalpodautoscalers,poddisruptionbudgets,jobs";

const PARTS: [&str; 4] = ["user-service", "mail-service", "redis", "rabbitmq"];

const READ_ME: &str = "This archive describes one Ping on Kubernetes for somebody who helps with it. It holds no Secret and no ConfigMap.\n\
                       Values of variables, annotations of others, addresses, codes, tokens and passwords were replaced before anything was\n\
                       written. Look through it before you pass it on: names of hosts, namespaces and images are as they are.\n";

pub(crate) async fn run(arguments: &SupportBundle) -> Result<()> {
    let cluster = &arguments.target.cluster;
    let stack = arguments.target.stack().await?;
    let output = arguments.output.clone().unwrap_or_else(|| PathBuf::from(format!("ping-{stack}.tar.gz")));
    let bundle = Bundle { cluster, stack: &stack, tail: arguments.tail };
    let files = bundle.files().await?;
    let packed = Archive::of(&files)?;
    std::fs::write(&output, packed).with_context(|| format!("{} cannot be written", output.display()))?;
    println!("{}: {} files, without secrets, addresses and codes", output.display(), files.len());
    Ok(())
}

struct Bundle<'a> {
    cluster: &'a Cluster,
    stack: &'a str,
    tail: u32,
}

/// A file of the archive: its name and its redacted text.
pub(crate) struct File {
    name: String,
    text: String,
}

impl Bundle<'_> {
    async fn files(&self) -> Result<Vec<File>> {
        // Without the stack itself there is nothing to describe.
        let stack = self.cluster.json(&["get", "pingstack", self.stack]).await?;
        let selector = selector(self.stack);
        let mut files = vec![file("README.txt", READ_ME), objects_file("pingstack.json", stack)];
        files.push(self.objects("objects.json", &["get", KINDS, "--selector", &selector]).await);
        files.push(self.objects("events.json", &["get", "events"]).await);
        files.push(self.text("version.txt", &["version"]).await);
        files.push(self.text("nodes.txt", &["get", "nodes", "--output", "wide"]).await);
        for part in PARTS {
            files.push(self.log(part, &selector, false).await);
            files.push(self.log(part, &selector, true).await);
        }
        Ok(files)
    }

    async fn log(&self, part: &str, selector: &str, previous: bool) -> File {
        let selector = format!("{selector},pingstack.dev/part={part}");
        let tail = self.tail.to_string();
        let mut words = vec![
            "logs",
            "--selector",
            &selector,
            "--tail",
            &tail,
            "--prefix",
            "--all-containers",
            "--ignore-errors",
        ];
        if previous {
            words.push("--previous");
        }
        let name = if previous { format!("logs/{part}-previous.txt") } else { format!("logs/{part}.txt") };
        self.text(&name, &words).await
    }

    async fn text(&self, name: &str, words: &[&str]) -> File {
        file(name, &self.cluster.output(words).await.unwrap_or_else(|error| format!("not read: {error:#}\n")))
    }

    async fn objects(&self, name: &str, words: &[&str]) -> File {
        match self.cluster.json(words).await {
            Ok(list) => objects_file(name, list),
            Err(error) => file(name, &format!("not read: {error:#}\n")),
        }
    }
}

fn objects_file(name: &str, mut objects: Value) -> File {
    objects::strip(&mut objects);
    file(name, &format!("{objects:#}\n"))
}

fn file(name: &str, text: &str) -> File {
    File { name: name.to_owned(), text: redact::text(text) }
}

#[cfg(test)]
mod tests;
