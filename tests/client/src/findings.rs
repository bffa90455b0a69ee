//! Compares what was confirmed with what arrived.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use crate::ledger::{CodeOutcome, Ledger, Mail, SessionOutcome, SignIn};

/// How many entries of a kind are named.
const NAMED: usize = 5;

/// The broken promises of a ledger, each with the addresses that show it, and the copies that are allowed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// Fewer mails than logins answered 200.
    pub lost_mails: Vec<String>,
    /// More mails than logins that were sent.
    pub invented_mails: Vec<String>,
    /// Two mails with one Message-ID and different codes or recipients.
    pub changed_copies: Vec<String>,
    /// A mailed code that was never used, with what became of it.
    pub failed_codes: Vec<String>,
    pub codes_used_twice: Vec<String>,
    /// A session whose newest refresh token was refused.
    pub lost_sessions: Vec<String>,
    /// A session of which nothing is known at the end.
    pub unproven_sessions: Vec<String>,
    /// Copies of mails beyond the first, with the same code and Message-ID: allowed after a crash.
    pub copies: usize,
}

impl Findings {
    /// Compares. A login that was never answered 200 is no finding: the promise begins with the 200.
    #[must_use]
    pub fn of(ledger: &Ledger) -> Self {
        let mut findings = Self::default();
        let mails = findings.read_mails(&ledger.mails);
        let none = BTreeSet::new();
        for sign_in in &ledger.sign_ins {
            findings.compare_mails(sign_in, mails.get(sign_in.address.as_str()).unwrap_or(&none).len());
            findings.judge_code(sign_in);
            findings.judge_session(sign_in);
        }
        let known: BTreeSet<&str> = ledger.sign_ins.iter().map(|sign_in| sign_in.address.as_str()).collect();
        findings
            .invented_mails
            .extend(mails.keys().filter(|to| !known.contains(*to)).map(ToString::to_string));
        findings
    }

    /// No promise is broken.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.kinds().iter().all(|kind| kind.found.is_empty())
    }

    /// The different Message-IDs by recipient.
    fn read_mails<'a>(&mut self, mails: &'a [Mail]) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
        let mut first: BTreeMap<&str, &Mail> = BTreeMap::new();
        let mut by_recipient: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for mail in mails {
            by_recipient.entry(&mail.address).or_default().insert(&mail.message_id);
            match first.get(mail.message_id.as_str()) {
                Some(same) if *same == mail => self.copies += 1,
                Some(_) => self.changed_copies.push(mail.address.clone()),
                None => drop(first.insert(&mail.message_id, mail)),
            }
        }
        by_recipient
    }

    fn compare_mails(&mut self, sign_in: &SignIn, different: usize) {
        let SignIn { address, logins, confirmed, .. } = sign_in;
        if different < *confirmed as usize {
            self.lost_mails.push(format!("{address} ({confirmed} confirmed, {different} mailed)"));
        }
        if different > *logins as usize {
            self.invented_mails.push(format!("{address} ({logins} requested, {different} mailed)"));
        }
    }

    fn judge_code(&mut self, sign_in: &SignIn) {
        match sign_in.code {
            CodeOutcome::NoLogin | CodeOutcome::Used => {}
            CodeOutcome::UsedTwice => self.codes_used_twice.push(sign_in.address.clone()),
            CodeOutcome::NoMail | CodeOutcome::Refused | CodeOutcome::Unanswered => {
                self.failed_codes.push(format!("{} ({:?})", sign_in.address, sign_in.code));
            }
        }
    }

    fn judge_session(&mut self, sign_in: &SignIn) {
        match sign_in.session {
            SessionOutcome::None | SessionOutcome::Alive { .. } => {}
            SessionOutcome::Lost { refreshes, unanswered } => self.lost_sessions.push(format!(
                "{} (after {refreshes} refreshes, {unanswered} without an answer)",
                sign_in.address
            )),
            SessionOutcome::Unanswered => self.unproven_sessions.push(sign_in.address.clone()),
        }
    }

    fn kinds(&self) -> [Kind<'_>; 7] {
        [
            Kind { name: "LOST MAILS", found: &self.lost_mails },
            Kind { name: "INVENTED MAILS", found: &self.invented_mails },
            Kind { name: "COPIES THAT DIFFER", found: &self.changed_copies },
            Kind { name: "CODES THAT FAILED", found: &self.failed_codes },
            Kind { name: "CODES USED TWICE", found: &self.codes_used_twice },
            Kind { name: "LOST SESSIONS", found: &self.lost_sessions },
            Kind { name: "UNPROVEN SESSIONS", found: &self.unproven_sessions },
        ]
    }
}

struct Kind<'a> {
    name: &'static str,
    found: &'a [String],
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Kind { name, found } in self.kinds().iter().filter(|kind| !kind.found.is_empty()) {
            let more = if found.len() > NAMED { ", …" } else { "" };
            writeln!(f, "{name} {}: {}{more}", found.len(), found[..found.len().min(NAMED)].join(", "))?;
        }
        write!(f, "{} copies with the same code and Message-ID", self.copies)
    }
}

#[cfg(test)]
mod tests;
