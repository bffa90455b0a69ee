//! `logs`: the log of a part, of all its pods together.

use anyhow::Result;

use crate::arguments::Logs;
use crate::kubectl::selector;

/// kubectl follows at most five pods by default.
const MOST_PODS: &str = "50";

pub(crate) async fn run(arguments: &Logs) -> Result<()> {
    let stack = arguments.target.stack().await?;
    let selector = format!("{},pingstack.dev/part={}", selector(&stack), arguments.part.label());
    let tail = arguments.tail.to_string();
    let mut words = vec!["logs", "--selector", &selector, "--tail", &tail, "--prefix", "--all-containers"];
    words.extend(["--ignore-errors", "--max-log-requests", MOST_PODS]);
    if arguments.follow {
        words.push("--follow");
    }
    if arguments.previous {
        words.push("--previous");
    }
    arguments.target.cluster.shown(&words).await
}
