//! The charts as Helm renders them with the values that matter, each rendering a file.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::tools::Tools;
use crate::program::Program;
use crate::repository::Repository;

const SAMPLES: &str = "k8s/samples";

struct Rendering {
    name: String,
    chart: &'static str,
    arguments: Vec<String>,
}

impl Rendering {
    fn new(name: &str, chart: &'static str, arguments: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            chart,
            arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
        }
    }
}

/// The paths of the rendered files.
pub(super) fn render_all(repository: &Repository, tools: &Tools) -> Result<Vec<PathBuf>> {
    let folder = repository.build_folder("charts/rendered")?;
    fs::remove_dir_all(&folder)?;
    let folder = repository.build_folder("charts/rendered")?;
    let mut rendered = Vec::new();
    for rendering in all(repository)? {
        let path = folder.join(format!("{}-{}.yaml", rendering.chart, rendering.name));
        fs::write(&path, render(repository, tools, &rendering)?)?;
        rendered.push(path);
    }
    Ok(rendered)
}

fn all(repository: &Repository) -> Result<Vec<Rendering>> {
    let mut renderings = vec![
        Rendering::new("default", "ping-operator", &[]),
        Rendering::new(
            "everything",
            "ping-operator",
            &["--values", "charts/ping-operator/tests/everything.yaml"],
        ),
        Rendering::new("reused", "ping-operator", &["--values", "charts/ping-operator/tests/reused.yaml"]),
        Rendering::new("mailpit", "pingstack", &["--set", "mailpit.enabled=true"]),
        Rendering::new("everything", "pingstack", &["--values", "charts/pingstack/tests/everything.yaml"]),
    ];
    let folder = repository.build_folder("charts/values")?;
    for sample in samples(repository)? {
        let name = sample.trim_start_matches(SAMPLES).trim_matches('/').trim_end_matches(".yaml");
        let path = folder.join(format!("{name}.yaml"));
        fs::write(
            &path,
            values_of(&repository.read(&sample)?).with_context(|| format!("{sample} has no spec"))?,
        )?;
        renderings.push(Rendering::new(name, "pingstack", &["--values", &path.to_string_lossy()]));
    }
    Ok(renderings)
}

pub(super) fn samples(repository: &Repository) -> Result<Vec<String>> {
    repository.files_below(SAMPLES, ".yaml")
}

/// A PingStack's spec is what the chart takes as values. Documents after the first are other objects.
fn values_of(sample: &str) -> Option<String> {
    let (_, spec) = sample.split_once("\nspec:\n")?;
    let lines = spec.lines().take_while(|line| !line.starts_with("---"));
    let values: Vec<&str> = lines.map(|line| line.strip_prefix("  ").unwrap_or(line)).collect();
    Some(values.join("\n"))
}

fn render(repository: &Repository, tools: &Tools, rendering: &Rendering) -> Result<String> {
    let chart = format!("charts/{}", rendering.chart);
    let helm = || Program::new(&tools.helm).inside(repository.root());
    helm()
        .arguments(["lint", "--quiet", "--strict", &chart])
        .arguments(&rendering.arguments)
        .quietly()
        .with_context(|| format!("helm lint {chart} {}", rendering.arguments.join(" ")))?;
    helm()
        .arguments(["template", "demo", &chart, "--namespace", "demo"])
        .arguments(&rendering.arguments)
        .output()
}

#[cfg(test)]
mod tests {
    use super::values_of;

    #[test]
    fn the_values_of_a_sample_are_its_spec() {
        let sample = "kind: PingStack\nspec:\n  smtp:\n    host: a\n\n  # b\n---\nkind: Secret\n";
        assert_eq!(values_of(sample).unwrap(), "smtp:\n  host: a\n\n# b");
        assert_eq!(values_of("kind: Secret\n"), None);
    }
}
