//! The steps by which sealing is turned on, turned off, and its key replaced: readers before writers, and back in the other
//! order. Pure; each step is one write to the Secret, or its deletion.

use std::sync::Arc;

use k8s_openapi::{
    api::core::v1::Secret,
    jiff::{SignedDuration, Timestamp},
};
use kube::ResourceExt as _;

use super::{
    super::{SecretChange, planner::Value},
    ENDING, KEY, MADE_FOR, NEXT_KEY, SEALS_UNDER, State, UNUSED_AT, WITHDRAWN, Wanted,
};
use crate::{controller::entropy::Entropy, secret_values::value};

/// How long a mail that was published at the last moment may be on its way besides the life of its code.
const MARGIN: SignedDuration = SignedDuration::from_mins(2);

/// Where the keys of a stack are.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a> {
    /// The Secret, as it is.
    pub secret: &'a Arc<Secret>,
    /// What it says.
    pub state: &'a State,
    /// What the stack wants.
    pub wanted: &'a Wanted,
    /// Whether all pods of mail-service were built from the Secret as it is, and no other is left.
    pub readers_rolled: bool,
    /// The same of user-service.
    pub writers_rolled: bool,
    /// What time it is.
    pub now: Timestamp,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq)]
pub enum NextStep {
    /// Nothing: the stack has what it wants.
    Done,
    /// A rollout, or a time, must end first.
    Wait,
    /// A write to the Secret.
    Write {
        /// What is written.
        change: SecretChange,
        /// What it means, for Events.
        meaning: &'static str,
    },
    /// Nobody needs the Secret any more.
    Delete,
}

impl Progress<'_> {
    /// The next step.
    #[must_use]
    pub fn next_step(&self, entropy: &Entropy) -> NextStep {
        if self.wanted.sealing { self.towards_sealing(entropy) } else { self.towards_clear_text() }
    }

    fn towards_sealing(&self, entropy: &Entropy) -> NextStep {
        let state = self.state;
        if state.is_withdrawn || state.is_ending {
            return self.write("sealing is turned on again", |change| {
                change.annotate(WITHDRAWN, None);
                change.annotate(ENDING, None);
            });
        }
        if state.named.as_ref() != Some(&state.newest) {
            if !self.readers_rolled {
                return NextStep::Wait;
            }
            let meaning = "every pod of mail-service has the newest mail key: user-service seals under it";
            return self.write(meaning, |change| change.annotate(SEALS_UNDER, Some(state.newest.id.clone())));
        }
        if state.is_rotating {
            return self.once_unused("removed the old mail key", |change| {
                change.set(KEY, value(self.secret, NEXT_KEY).cloned());
                change.set(NEXT_KEY, None);
            });
        }
        if self.annotation(MADE_FOR).unwrap_or_default() == self.wanted.rotation {
            return NextStep::Done;
        }
        self.write("added a mail key, for mail-service first", |change| {
            change.set(NEXT_KEY, Some(Value::MailKey.draw(entropy.bytes(NEXT_KEY))));
            change.annotate(MADE_FOR, Some(self.wanted.rotation.clone()));
        })
    }

    fn towards_clear_text(&self) -> NextStep {
        if self.state.is_withdrawn {
            return if self.readers_rolled { NextStep::Delete } else { NextStep::Wait };
        }
        if !self.state.is_ending {
            return self.write("user-service no longer seals mails", |change| {
                change.annotate(ENDING, Some("true".to_owned()));
            });
        }
        self.once_unused(
            "no sealed mail is on its way any more: mail-service gives its keys back",
            |change| {
                change.annotate(WITHDRAWN, Some("true".to_owned()));
                change.annotate(ENDING, None);
                change.annotate(SEALS_UNDER, None);
            },
        )
    }

    /// A write once no mail can be left under what user-service no longer uses. That time begins when its rollout has ended.
    fn once_unused(&self, meaning: &'static str, edit: impl FnOnce(&mut SecretChange)) -> NextStep {
        match self.has_come(UNUSED_AT) {
            Some(true) => self.write(meaning, edit),
            None if self.writers_rolled => {
                let unused_at = self.now.checked_add(self.wanted.code_life + MARGIN).ok();
                let mut change = SecretChange::of(self.secret);
                change.annotate(UNUSED_AT, unused_at.map(|at| at.to_string()));
                let meaning = "all of user-service has rolled: its last mails of before are on their way";
                NextStep::Write { change, meaning }
            }
            Some(false) | None => NextStep::Wait,
        }
    }

    /// A write that changes what user-service seals under, or what mail-service has. A time that was awaited before is void.
    fn write(&self, meaning: &'static str, edit: impl FnOnce(&mut SecretChange)) -> NextStep {
        let mut change = SecretChange::of(self.secret);
        edit(&mut change);
        if self.annotation(UNUSED_AT).is_some() {
            change.annotate(UNUSED_AT, None);
        }
        NextStep::Write { change, meaning }
    }

    fn annotation(&self, name: &str) -> Option<&str> {
        self.secret.annotations().get(name).map(String::as_str)
    }

    /// Whether the time in an annotation has come; `None` without one that can be read.
    fn has_come(&self, name: &str) -> Option<bool> {
        let time = self.annotation(name)?.parse::<Timestamp>().ok()?;
        Some(time <= self.now)
    }
}
