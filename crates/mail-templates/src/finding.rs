//! What is wrong with a file of templates.

use std::fmt;

/// One thing that is wrong with a file, and what to do about it. `Display` is one line that can be shown as it is:
/// `code.html:12: there is no variable cod: write …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The file's name, without a folder.
    pub file: String,
    /// The line, from 1, where it is known.
    pub line: Option<u32>,
    /// What is wrong.
    pub problem: String,
    /// What to write or do instead.
    pub fix: String,
}

impl Finding {
    pub(crate) fn new(
        file: &str,
        line: Option<u32>,
        problem: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { file: file.to_owned(), line, problem: problem.into(), fix: fix.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}: {}", self.problem, self.fix)
    }
}

/// The line, from 1, of the first place where `text` has `needle`, in lower or upper case.
pub(crate) fn line_of(text: &str, needle: &str) -> Option<u32> {
    let needle = needle.to_ascii_lowercase();
    let at = text.to_ascii_lowercase().find(&needle)?;
    Some(line_at(text, at))
}

/// The line, from 1, of the octet `at`.
pub(crate) fn line_at(text: &str, at: usize) -> u32 {
    let breaks = text.bytes().take(at).filter(|byte| *byte == b'\n').count();
    u32::try_from(breaks).unwrap_or(u32::MAX).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::{Finding, line_of};

    #[test]
    fn a_finding_is_shown_in_one_line() {
        let finding = Finding::new("code.html", Some(12), "there is no variable cod", "write code");
        assert_eq!(finding.to_string(), "code.html:12: there is no variable cod: write code");
        let finding = Finding::new("words.xx!.json", None, "xx! is not a language tag", "rename the file");
        assert_eq!(finding.to_string(), "words.xx!.json: xx! is not a language tag: rename the file");
    }

    #[test]
    fn the_line_of_a_text_is_counted_from_one() {
        assert_eq!(line_of("a\nb <Script>\n<script>", "<script"), Some(2));
        assert_eq!(line_of("a", "b"), None);
    }
}
