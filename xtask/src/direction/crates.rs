//! Nothing imports a program but bench, which measures both services. (`deny.toml` cannot say it: there a banned crate may
//! not exist at all.)

use anyhow::{Context, Result};
use serde_json::Value;

use crate::program::Program;
use crate::repository::Repository;

const PROGRAMS: [&str; 5] = ["user-service", "mail-service", "operator", "kubectl-ping", "xtask"];
const MAY_IMPORT_PROGRAMS: &str = "bench";

/// What `cargo metadata --no-deps` says of the workspace.
pub(super) struct Workspace(Value);

impl Workspace {
    pub(super) fn read(repository: &Repository) -> Result<Self> {
        let printed = Program::new("cargo")
            .arguments(["metadata", "--quiet", "--locked", "--no-deps", "--format-version", "1"])
            .inside(repository.root())
            .output()?;
        Ok(Self(serde_json::from_str(&printed).context("cargo metadata printed no JSON")?))
    }

    fn members(&self) -> impl Iterator<Item = &Value> {
        self.0["packages"].as_array().into_iter().flatten()
    }

    /// The members' folders, by their paths from the root.
    pub(super) fn folders(&self) -> Vec<&str> {
        let root = self.0["workspace_root"].as_str().unwrap_or_default();
        let manifests = self.members().filter_map(|member| member["manifest_path"].as_str());
        manifests
            .filter_map(|path| path.strip_prefix(root)?.strip_prefix('/')?.strip_suffix("/Cargo.toml"))
            .collect()
    }

    /// Dependencies of all kinds count, those of tests and build scripts among them.
    pub(super) fn forbidden_imports(&self) -> Vec<String> {
        let mut violations = Vec::new();
        for member in self.members().filter(|member| member["name"] != MAY_IMPORT_PROGRAMS) {
            for dependency in member["dependencies"].as_array().into_iter().flatten() {
                if let Some(program) = PROGRAMS.iter().find(|program| dependency["name"] == **program) {
                    let importer = member["name"].as_str().unwrap_or_default();
                    violations.push(format!(
                        "{importer} imports {program}: move what they share into a crate under crates/"
                    ));
                }
            }
        }
        violations
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Workspace;

    #[test]
    fn nothing_but_bench_imports_a_program() {
        let services = json!([
            { "name": "mail-service", "kind": null },
            { "name": "tokio", "kind": null },
            { "name": "operator", "kind": "dev" },
        ]);
        let workspace = Workspace(json!({
            "workspace_root": "/ping",
            "packages": [
                { "name": "bench", "manifest_path": "/ping/bench/Cargo.toml", "dependencies": services },
                { "name": "user-service", "manifest_path": "/ping/services/user-service/Cargo.toml", "dependencies": services },
            ],
        }));
        assert_eq!(
            workspace.forbidden_imports(),
            ["mail-service", "operator"].map(|program| format!(
                "user-service imports {program}: move what they share into a crate under crates/"
            ))
        );
        assert_eq!(workspace.folders(), ["bench", "services/user-service"]);
    }
}
