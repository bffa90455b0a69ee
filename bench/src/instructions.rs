//! The micro benchmarks' instruction counts against the committed ones.
//!
//! A count depends on compiler, dependencies and code, hardly on the machine: valgrind shows every program the same
//! processor features up to AVX2, the allocator is built in, and no step calls much of the C library. So a count that is
//! off by more than the tolerance is a change of ours, for better or worse, and is committed with it.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write as _},
    path::Path,
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::config::InstructionsOptions;

/// How often a benchmark runs its step.
const TIMES: u64 = 100;

/// Instructions of one run of each step.
type Counts = BTreeMap<String, u64>;

/// Compares, or accepts. `false` if a count is outside the tolerance, new, or gone.
pub(crate) fn run(options: &InstructionsOptions) -> Result<bool> {
    let counts = read_summaries(&options.summaries)?;
    if options.accept {
        let text = serde_json::to_string_pretty(&counts)? + "\n";
        fs::write(&options.committed, text).context("the counts cannot be written")?;
    }
    let committed = fs::read_to_string(&options.committed)
        .with_context(|| format!("{} cannot be read: make it with --accept", options.committed.display()))?;
    let (table, within) = compare(&serde_json::from_str(&committed)?, &counts, options.tolerance);
    write!(io::stdout(), "{table}")?;
    if !within {
        writeln!(io::stdout(), "Meant so? Then commit the new counts: cargo xtask bench micro --accept")?;
    }
    Ok(within)
}

/// The counts that gungraun left below a folder, one summary for each benchmark.
fn read_summaries(folder: &Path) -> Result<Counts> {
    let mut counts = Counts::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder)
            .with_context(|| format!("{} cannot be read: run make bench-micro", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.ends_with("summary.json") {
                let summary = serde_json::from_str(&fs::read_to_string(&path)?)?;
                let (step, count) = count(&summary)
                    .with_context(|| format!("{} has another form than gungraun 0.20's", path.display()))?;
                counts.insert(step, count);
            }
        }
    }
    ensure!(!counts.is_empty(), "no summaries below {}: run make bench-micro", folder.display());
    Ok(counts)
}

/// A step's name, and the instructions of one run.
fn count(summary: &Value) -> Option<(String, u64)> {
    let name = summary.get("function_name")?.as_str()?;
    let total = summary.pointer("/profiles/0/data/total/metrics/Ir/values/new")?.as_u64()?;
    Some((name.to_owned(), total / TIMES))
}

/// A table of both, and whether all of it is within the tolerance.
fn compare(committed: &Counts, counts: &Counts, tolerance: f64) -> (String, bool) {
    let mut table = "| step | committed | now | |\n|---|---|---|---|\n".to_owned();
    let mut all_within = true;
    let steps = committed.keys().chain(counts.keys()).collect::<std::collections::BTreeSet<_>>();
    for step in steps {
        let before = committed.get(step);
        let now = counts.get(step);
        let change = before.zip(now).map(|(before, now)| change_per_cent(*before, *now));
        let within = change.is_some_and(|change| change.abs() <= tolerance);
        let verdict = change.map_or("only on one side".to_owned(), |change| format!("{change:+.1} %"));
        let told = |count: Option<&u64>| count.map_or("–".to_owned(), u64::to_string);
        let mark = if within { String::new() } else { format!(", outside ±{tolerance} %") };
        table.extend(["| ", step, " | ", &told(before), " | ", &told(now), " | ", &verdict, &mark, " |\n"]);
        all_within &= within;
    }
    (table, all_within)
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn change_per_cent(before: u64, now: u64) -> f64 {
    (now as f64 - before as f64) * 100.0 / before.max(1) as f64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Counts, compare, count};

    fn counts(parse: u64) -> Counts {
        Counts::from([("parse".to_owned(), parse)])
    }

    #[test]
    fn five_per_cent_more_or_less_is_within_and_no_more() {
        for (now, within) in [(1000, true), (1050, true), (950, true), (1051, false), (949, false)] {
            assert_eq!(compare(&counts(1000), &counts(now), 5.0).1, within, "{now}");
        }
    }

    #[test]
    fn a_step_that_is_new_or_gone_is_outside() {
        let (table, within) = compare(&counts(1000), &Counts::new(), 5.0);
        assert!(
            !within && table.contains("| parse | 1000 | – | only on one side, outside ±5 % |"),
            "{table}"
        );
        assert!(!compare(&Counts::new(), &counts(1000), 5.0).1);
    }

    #[test]
    fn a_summary_is_read_for_one_run() {
        let metrics = json!({"total": {"metrics": {"Ir": {"values": {"new": 83_524}}}}});
        let summary = json!({"function_name": "parse", "profiles": [{"data": metrics}]});
        assert_eq!(count(&summary), Some(("parse".to_owned(), 835)));
        assert_eq!(count(&json!({})), None);
    }
}
