//! What must be so before a release begins.

use anyhow::{Context, Result, bail};

use super::settings::{Purpose, Settings};
use crate::program::Program;
use crate::repository::Repository;

const CHARTS: [&str; 2] = ["charts/ping-operator/Chart.yaml", "charts/pingstack/Chart.yaml"];
/// How much of the list of changed files an error shows.
const EXCERPT: usize = 300;

/// The version that the workspace and both charts have.
pub(super) fn check(repository: &Repository, settings: &Settings) -> Result<String> {
    let version = version_of_workspace(&repository.read("Cargo.toml")?)?;
    for chart in CHARTS {
        check_chart(&repository.read(chart)?, &version)
            .with_context(|| format!("the workspace has version {version}, {chart} another"))?;
    }
    let changed =
        Program::new("git").arguments(["status", "--porcelain"]).inside(repository.root()).output()?;
    if settings.purpose == Purpose::Release && !changed.is_empty() {
        let changed: String = changed.chars().take(EXCERPT).collect();
        bail!("these are not committed, and a release is a commit:\n{changed}");
    }
    Ok(version)
}

fn version_of_workspace(manifest: &str) -> Result<String> {
    let package = manifest.split("[workspace.package]").nth(1).unwrap_or_default();
    let version = package.lines().find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'));
    version.map(str::to_owned).context("Cargo.toml has no version of the workspace")
}

fn check_chart(chart: &str, version: &str) -> Result<()> {
    let wanted = [format!("version: {version}"), format!("appVersion: \"{version}\"")];
    for wanted in wanted {
        if !chart.lines().any(|line| line == wanted) {
            bail!("the line '{wanted}' is missing");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{check_chart, version_of_workspace};

    #[test]
    fn a_chart_of_another_version_is_refused() {
        let version = version_of_workspace("[workspace.package]\nversion = \"1.2.3\"\n").unwrap();
        check_chart("version: 1.2.3\nappVersion: \"1.2.3\"\n", &version).unwrap();
        assert!(check_chart("version: 1.2.3\nappVersion: \"1.2.2\"\n", &version).is_err());
        assert!(version_of_workspace("[workspace]\n").is_err());
    }
}
