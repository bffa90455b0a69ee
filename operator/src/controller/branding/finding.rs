//! What the status says of the templates of mails: the condition `TemplatesReady`.

use mail_templates::Finding as FileFinding;

use super::{Instead, Verdict};
use crate::{
    conditions::{ConditionType, Finding},
    controller::findings,
};

const TEMPLATES_READY: ConditionType = ConditionType::TemplatesReady;

/// How many findings a message has; the rest is counted.
const SHOWN: usize = 3;

/// The condition. Nobody looks at the ConfigMap while the stack is paused.
#[must_use]
pub fn finding(verdict: &Verdict, is_paused: bool) -> Finding {
    if is_paused {
        return findings::not_checked(TEMPLATES_READY, "the ConfigMap of mail.templates.configMapRef");
    }
    match verdict {
        Verdict::Shipped => {
            Finding::good(TEMPLATES_READY, "Shipped", "mails have the words and the layout that Ping ships")
        }
        Verdict::Applied { name } => {
            let message = format!("mails have the words and layouts of the ConfigMap {name}");
            Finding::good(TEMPLATES_READY, "Applied", message)
        }
        Verdict::DefaultLanguageMissing { wanted, present, has_own } => {
            let present = present.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let place = if *has_own {
                "the ConfigMap"
            } else {
                "a ConfigMap, and its name into mail.templates.configMapRef"
            };
            let message = format!(
                "there are no words in {wanted}, the language of mail.locales.default, so that English stands in for it: set \
                 it to one of {present}, or put words.{wanted}.json into {place}"
            );
            Finding::bad(TEMPLATES_READY, "DefaultLanguageMissing", message)
        }
        Verdict::Invalid { name, findings, instead } => {
            let reason = match instead {
                Instead::LastGood => "UsingLastGood",
                Instead::Shipped => "InvalidTemplates",
            };
            let message = format!(
                "the ConfigMap {name} cannot be used, and {}: {}",
                outcome(*instead),
                listed(findings)
            );
            Finding::bad(TEMPLATES_READY, reason, message)
        }
        Verdict::Missing { name, instead } => {
            let message = format!(
                "mail.templates.configMapRef names the ConfigMap {name}, which does not exist, and {}: create it, or correct \
                 the name",
                outcome(*instead)
            );
            Finding::bad(TEMPLATES_READY, "ConfigMapMissing", message)
        }
        Verdict::Unreadable { name, why, instead } => {
            let message = format!("the ConfigMap {name} cannot be read, and {}: {why}", outcome(*instead));
            Finding::bad(TEMPLATES_READY, "ConfigMapUnreadable", message)
        }
    }
}

const fn outcome(instead: Instead) -> &'static str {
    match instead {
        Instead::LastGood => "mails stay as the last good one made them",
        Instead::Shipped => "mails have the words and the layout that Ping ships",
    }
}

/// Each finding in a line of its file, and what to write instead.
fn listed(findings: &[FileFinding]) -> String {
    let mut shown = findings.iter().take(SHOWN).map(ToString::to_string).collect::<Vec<_>>();
    let more = findings.len().saturating_sub(SHOWN);
    if more > 0 {
        shown.push(format!("and {more} more"));
    }
    shown.join("; ")
}

/// The condition in every state, for the tests of conditions.
#[cfg(test)]
pub(crate) fn examples() -> Vec<Finding> {
    let name = || "mail-words".to_owned();
    let findings = |count: usize| vec![example("words.de.json", Some(4)); count];
    let mut verdicts = vec![
        Verdict::Shipped,
        Verdict::Applied { name: name() },
        Verdict::DefaultLanguageMissing {
            wanted: "fi".parse().unwrap(),
            present: vec!["en".parse().unwrap()],
            has_own: false,
        },
    ];
    for instead in [Instead::LastGood, Instead::Shipped] {
        verdicts.push(Verdict::Invalid { name: name(), findings: findings(5), instead });
        verdicts.push(Verdict::Missing { name: name(), instead });
        verdicts.push(Verdict::Unreadable { name: name(), why: "no answer".to_owned(), instead });
    }
    let paused = finding(&Verdict::Shipped, true);
    verdicts.iter().map(|verdict| finding(verdict, false)).chain([paused]).collect()
}

#[cfg(test)]
fn example(file: &str, line: Option<u32>) -> FileFinding {
    FileFinding {
        file: file.to_owned(),
        line,
        problem: "there is no phrase subjct".to_owned(),
        fix: "write subject".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Instead, Verdict, example, finding};
    use crate::conditions::Role;

    fn invalid(count: usize, instead: Instead) -> Verdict {
        let findings = vec![example("words.de.json", Some(4)); count];
        Verdict::Invalid { name: "mail-words".to_owned(), findings, instead }
    }

    #[test]
    fn what_is_wrong_is_said_with_file_line_and_what_to_write() {
        let found = finding(&invalid(1, Instead::LastGood), false);
        assert_eq!((found.status, found.reason.as_str()), ("False", "UsingLastGood"));
        assert_eq!(
            found.message,
            "the ConfigMap mail-words cannot be used, and mails stay as the last good one made them: \
             words.de.json:4: there is no phrase subjct: write subject"
        );
        assert_eq!(finding(&invalid(1, Instead::Shipped), false).reason, "InvalidTemplates");
        assert_eq!(found.type_.role(), Role::Advisory);
    }

    #[test]
    fn of_many_findings_the_first_are_said_and_the_rest_are_counted() {
        let message = finding(&invalid(5, Instead::Shipped), false).message;
        assert_eq!(message.matches("words.de.json:4").count(), 3);
        assert!(message.ends_with("; and 2 more"), "{message}");
    }

    #[test]
    fn the_languages_that_there_are_words_in_are_named() {
        let present = ["de", "en"].map(|tag| tag.parse().unwrap()).to_vec();
        let verdict = |has_own| Verdict::DefaultLanguageMissing {
            wanted: "fi".parse().unwrap(),
            present: present.clone(),
            has_own,
        };
        let message = finding(&verdict(false), false).message;
        assert!(
            message.contains("one of de, en, or put words.fi.json into a ConfigMap, and its name"),
            "{message}"
        );
        assert!(finding(&verdict(true), false).message.ends_with("put words.fi.json into the ConfigMap"));
    }
}
