//! The operator's rights: no wildcard, and the code that a comment beside a right names exists.

use anyhow::{Result, bail};

use crate::repository::Repository;

const TEMPLATES: &str = "charts/ping-operator/templates";
/// What runs under these rights: the operator, and the crate that does its work with the API of metrics.
const SOURCES: [&str; 2] = ["operator/src", "crates/external-metrics/src"];

pub(super) fn check(repository: &Repository) -> Result<()> {
    let mut sources = Vec::new();
    for folder in SOURCES {
        sources.extend(repository.files_below(folder, ".rs")?);
    }
    let mut violations = Vec::new();
    for path in repository.files_below(TEMPLATES, "")? {
        for (index, line) in repository.read(&path)?.lines().enumerate() {
            let place = format!("{path}:{}", index + 1);
            if has_wildcard(line) {
                violations.push(format!("{place}: a right with a wildcard: name what is needed"));
            }
            let is_missing =
                |file: &&str| !sources.iter().any(|source| source.ends_with(&format!("/{file}")));
            let missing = rust_files(line).filter(is_missing);
            violations.extend(missing.map(|file| {
                format!(
                    "{place}: there is no {file} in {}: say which code needs the right",
                    SOURCES.join(" or ")
                )
            }));
        }
    }
    if !violations.is_empty() {
        bail!("correct these:\n  {}", violations.join("\n  "));
    }
    Ok(())
}

/// A `*` alone, in brackets or quotation marks.
fn has_wildcard(line: &str) -> bool {
    ["[*]", "[*\"", "\"*\"", "\"*]"].iter().any(|wildcard| line.contains(wildcard))
}

fn rust_files(line: &str) -> impl Iterator<Item = &str> {
    let words = line.split(|character: char| !(character.is_ascii_lowercase() || "_/.".contains(character)));
    words
        .map(|word| word.trim_end_matches('.'))
        .filter(|word| word.strip_suffix(".rs").is_some_and(|name| !name.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::repository::planted;

    fn outcome(template: &str) -> Result<(), String> {
        let (_folder, repository) = planted::repository(&[
            ("charts/ping-operator/templates/role.yaml", template),
            ("operator/src/controller/apply/object.rs", ""),
            ("operator/src/leader.rs", ""),
            ("crates/external-metrics/src/trust/watch.rs", ""),
        ]);
        check(&repository).map_err(|error| error.to_string())
    }

    #[test]
    fn rights_with_a_wildcard_are_found() {
        outcome("# apply/object.rs creates; leader.rs; trust/watch.rs.\n- resources: [\"pods\"]\n").unwrap();
        for wildcard in ["- verbs: [\"*\"]", "- verbs: [*]", "- resources: [\"pods\", \"*\"]"] {
            assert!(
                outcome(wildcard).unwrap_err().contains("role.yaml:1: a right with a wildcard"),
                "{wildcard}"
            );
        }
    }

    #[test]
    fn a_comment_that_names_code_that_is_gone_is_found() {
        for (comment, gone) in [
            ("# children.rs watches", "children.rs"),
            ("# leader.rs; apply/orphans.rs deletes", "apply/orphans.rs"),
        ] {
            let error = outcome(comment).unwrap_err();
            assert!(error.contains(&format!("there is no {gone} in operator/src")), "{error}");
        }
    }
}
