//! Has files checked. A check renders every language with many brands, some 20 ms, and each reconcile asks: what was said of
//! files is remembered until they change.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use mail_templates::{Finding, LanguageTag, Templates};

use super::files::Files;
use crate::names::StackId;

/// How many verdicts a stack has: its ConfigMap's, that of the copy in use, and those of some edits before.
const REMEMBERED: usize = 4;

/// Files that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// The files.
    pub files: Files,
    /// The languages that there are words in, with those that Ping ships.
    pub languages: Vec<LanguageTag>,
}

impl Passed {
    /// What Ping ships.
    #[must_use]
    pub fn shipped() -> Self {
        Self { files: Files::default(), languages: Templates::shipped().languages().to_vec() }
    }
}

/// What is said of files: their languages, or what is wrong with them.
type Verdict = Result<Vec<LanguageTag>, Vec<Finding>>;

/// What was said of the newest files of each stack, by the stack's uid and the files' hash.
#[derive(Debug, Default)]
pub struct Checks(Mutex<HashMap<String, VecDeque<(String, Verdict)>>>);

impl Checks {
    /// Whether files can be used.
    pub async fn check(&self, id: &StackId, files: Files) -> Result<Passed, Vec<Finding>> {
        let hash = files.hash();
        let verdict = if let Some(verdict) = self.remembered(id, &hash) {
            verdict
        } else {
            let verdict = load(files.clone()).await;
            self.remember(id, hash, verdict.clone());
            verdict
        };
        verdict.map(|languages| Passed { files, languages })
    }

    /// Forgets a stack that is gone.
    pub fn forget(&self, uid: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }

    fn remembered(&self, id: &StackId, hash: &str) -> Option<Verdict> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, verdict) = known.get(&id.uid)?.iter().find(|(known, _)| known == hash)?;
        Some(verdict.clone())
    }

    fn remember(&self, id: &StackId, hash: String, verdict: Verdict) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let verdicts = known.entry(id.uid.clone()).or_default();
        verdicts.push_back((hash, verdict));
        if verdicts.len() > REMEMBERED {
            verdicts.pop_front();
        }
    }
}

/// On a thread that may take its time: a layout can use up its fuel with each brand and language.
async fn load(files: Files) -> Verdict {
    let loaded = tokio::task::spawn_blocking(move || {
        Templates::load(files.contents()).map(|templates| templates.languages().to_vec())
    });
    loaded.await.unwrap_or_else(|_| {
        let unchecked = Finding {
            file: "the files".to_owned(),
            line: None,
            problem: "the check ended without a result".to_owned(),
            fix: "report it as a fault of the operator".to_owned(),
        };
        Err(vec![unchecked])
    })
}

#[cfg(test)]
mod tests {
    use mail_templates::{Finding, Templates};
    use serde::Deserialize as _;

    use super::{Checks, REMEMBERED};
    use crate::{controller::branding::files_of, fixtures, names::StackId};

    fn remembered(checks: &Checks, id: &StackId) -> usize {
        checks.0.lock().unwrap().get(&id.uid).map_or(0, std::collections::VecDeque::len)
    }

    #[tokio::test]
    async fn files_are_checked_once_and_again_when_they_change() {
        let (checks, id) = (Checks::default(), fixtures::stack_id());
        let bad = files_of(&[("code.html", "{{ cod }}")]);
        let said = checks.check(&id, bad.clone()).await.unwrap_err();
        assert_eq!(said[0].file, "code.html");
        // What is remembered is what is said.
        let invented = Finding { problem: "invented".to_owned(), ..said[0].clone() };
        checks.0.lock().unwrap().get_mut(&id.uid).unwrap()[0].1 = Err(vec![invented.clone()]);
        assert_eq!(checks.check(&id, bad).await, Err(vec![invented]));
        let none = files_of(&[]);
        let passed = checks.check(&id, none).await.unwrap();
        assert!(passed.languages.len() >= 12);
        assert_eq!(remembered(&checks, &id), 2);
        checks.forget(&id.uid);
        assert_eq!(remembered(&checks, &id), 0);
    }

    #[test]
    fn the_examples_in_the_docs_pass() {
        let page = include_str!("../../../../docs/mail.md");
        let blocks = page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
        let documents = blocks.flat_map(serde_yaml::Deserializer::from_str);
        let documents = documents.map(|one| serde_json::Value::deserialize(one).unwrap());
        let with_files = documents.filter_map(|one| one.get("data").cloned()).collect::<Vec<_>>();
        for data in &with_files {
            let files = data.as_object().unwrap().iter();
            let files = files.map(|(name, text)| (name.clone(), text.as_str().unwrap().as_bytes().to_vec()));
            let loaded = Templates::load(files.collect()).map(|_| ());
            assert_eq!(loaded, Ok(()), "{data}");
        }
        assert_eq!(with_files.len(), 2);
    }

    #[tokio::test]
    async fn many_edits_are_not_remembered_for_ever() {
        let (checks, id) = (Checks::default(), fixtures::stack_id());
        for edit in 0..=REMEMBERED {
            let name = format!("note-{edit}.md");
            checks.check(&id, files_of(&[(&name, "")])).await.unwrap_err();
        }
        assert_eq!(remembered(&checks, &id), REMEMBERED);
    }
}
