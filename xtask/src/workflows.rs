//! The workflows run actions by the commit that was reviewed: a tag can be moved to another one.

use anyhow::{Result, bail};

use crate::repository::Repository;

const COMMIT: usize = 40;

pub(crate) fn check(repository: &Repository) -> Result<String> {
    let mut actions = 0;
    let mut violations = Vec::new();
    for path in repository.git_files(&[".github/*.yml", ".github/*.yaml"])? {
        for (index, line) in repository.read(&path)?.lines().enumerate() {
            let Some(action) = action_of(line) else { continue };
            actions += 1;
            if !is_pinned(action) {
                violations.push(format!("{path}:{}: {action}", index + 1));
            }
        }
    }
    if !violations.is_empty() {
        bail!(
            "name these actions by their commit, with the version behind it as a comment, \
             such as `actions/checkout@11bd…f683 # v4.2.2`:\n{}",
            violations.join("\n")
        );
    }
    Ok(format!("{actions} actions are pinned by their commits"))
}

/// What follows `uses:`, except for actions of this repository.
fn action_of(line: &str) -> Option<&str> {
    let line = line.trim_start().trim_start_matches("- ");
    let action = line.strip_prefix("uses:")?.trim();
    (!action.starts_with("./")).then_some(action)
}

fn is_pinned(action: &str) -> bool {
    let Some((reference, version)) = action.split_once(" # v") else { return false };
    let commit = reference.trim().rsplit_once('@').map_or("", |(_, commit)| commit);
    commit.len() == COMMIT
        && commit.bytes().all(|octet| octet.is_ascii_digit() || (b'a'..=b'f').contains(&octet))
        && version.starts_with(|first: char| first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::{action_of, is_pinned};

    #[test]
    fn an_action_without_a_commit_is_found() {
        let commit = "11bd71901bbe5b1630ceea73d27597364c9af683";
        let of = |line: &str| action_of(line).map(is_pinned);
        assert_eq!(of(&format!("      - uses: actions/checkout@{commit} # v4.2.2")), Some(true));
        assert_eq!(of(&format!("        uses: actions/checkout@{commit}")), Some(false));
        assert_eq!(of("      - uses: actions/checkout@v4 # v4"), Some(false));
        assert_eq!(of("      - uses: actions/checkout@main"), Some(false));
        assert_eq!(of("      - uses: ./.github/actions/own"), None);
        assert_eq!(of("      - run: make release"), None);
    }
}
