//! Every relative link of the documents leads somewhere, and every file that they name as evidence is there.

use std::path::Path;

use anyhow::{Result, bail};

use crate::repository::Repository;

/// A path in backticks that begins with one of these is a path from the root, to a file or a folder.
const FOLDERS: [&str; 13] = [
    "services",
    "crates",
    "operator",
    "system-tests",
    "tests/cluster",
    "tests/client",
    "k8s",
    "charts",
    "dev",
    "monitoring",
    "bench",
    "docs",
    "xtask",
];

pub(crate) fn check(repository: &Repository) -> Result<String> {
    let documents = repository.git_files(&["*.md"])?;
    let mut missing = Vec::new();
    for document in &documents {
        missing.extend(missing_of(repository, document)?);
    }
    if !missing.is_empty() {
        bail!("correct these:\n  {}", missing.join("\n  "));
    }
    Ok(format!("links and files of {} documents are there", documents.len()))
}

fn missing_of(repository: &Repository, document: &str) -> Result<Vec<String>> {
    let folder = Path::new(document).parent().unwrap_or(Path::new(""));
    let text = repository.read(document)?;
    let mut missing = Vec::new();
    for line in text.lines() {
        for link in links(line) {
            let path = link.split('#').next().unwrap_or_default();
            if !repository.has(folder.join(path)) {
                missing.push(format!("{document} links to {link}"));
            }
        }
        for path in named_paths(line).filter(|path| !repository.has(path)) {
            missing.push(format!("{document} names {path}"));
        }
    }
    Ok(missing)
}

/// Targets of links to other files: neither `#a-heading` nor `https://…`.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| {
        let (target, _) = rest.split_once(')')?;
        (!target.is_empty() && !target.starts_with('#') && !has_scheme(target)).then_some(target)
    })
}

fn has_scheme(link: &str) -> bool {
    link.split_once(':')
        .is_some_and(|(scheme, _)| !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_lowercase()))
}

fn named_paths(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices('`').filter_map(|(at, _)| {
        let (path, _) = line[at + 1..].split_once('`')?;
        let is_path = path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_./-".contains(&byte));
        let is_below = |folder: &str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
        (is_path && FOLDERS.iter().any(|folder| is_below(folder))).then_some(path)
    })
}

#[cfg(test)]
mod tests {
    use super::missing_of;
    use crate::repository::planted;

    #[test]
    fn a_dead_link_and_a_missing_file_are_found() {
        let text = "[a](b.md#part) [c](gone.md) [d](#heading) [e](https://example.org/)\n\
                    `k8s/up` `k8s/gone` `cargo test` `k8s/… and more` and `tests/cluster/gone.rs`";
        let (_folder, repository) =
            planted::repository(&[("docs/a.md", text), ("docs/b.md", ""), ("k8s/up", "")]);
        assert_eq!(
            missing_of(&repository, "docs/a.md").unwrap(),
            [
                "docs/a.md links to gone.md",
                "docs/a.md names k8s/gone",
                "docs/a.md names tests/cluster/gone.rs"
            ]
        );
    }

    #[test]
    fn a_link_is_relative_to_its_document() {
        let (_folder, repository) =
            planted::repository(&[("docs/a.md", "[up](../README.md) [not](README.md)"), ("README.md", "")]);
        assert_eq!(missing_of(&repository, "docs/a.md").unwrap(), ["docs/a.md links to README.md"]);
    }
}
