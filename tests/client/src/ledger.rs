//! The account of a load: every sign-in, every mail, every kind of answer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::call::Answer;

/// What a load did and what came back, complete once the load has finished.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Ledger {
    /// One entry for each address, in the order in which they began.
    pub sign_ins: Vec<SignIn>,
    /// Every mail in Mailpit to an address of this load, copies included.
    pub mails: Vec<Mail>,
    /// How often each request ended in which way.
    pub answers: Answers,
}

/// One address, from its first login to the end of its session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignIn {
    /// The address, which no other sign-in of the load has.
    pub address: String,
    /// Login requests that were sent.
    pub logins: u32,
    /// Those of them that were answered 200: each must have a mail of its own.
    pub confirmed: u32,
    /// What became of the code.
    pub code: CodeOutcome,
    /// What became of the session.
    pub session: SessionOutcome,
}

/// What became of the newest code of an address.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CodeOutcome {
    /// No login was answered 200 before the load gave this address up.
    #[default]
    NoLogin,
    /// No mail came while the code was valid.
    NoMail,
    /// A mailed, unused code was answered 400.
    Refused,
    /// No usable answer came while the code was valid.
    Unanswered,
    /// It was exchanged for a session.
    Used,
    /// It was exchanged for a session twice.
    UsedTwice,
}

/// What became of the session of an address.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SessionOutcome {
    #[default]
    None,
    /// Its last refresh was answered 200; `refreshes` of them were.
    Alive {
        /// Refreshes answered 200.
        refreshes: u32,
    },
    /// A refresh token that was the newest known one was refused.
    Lost {
        /// Refreshes answered 200 before.
        refreshes: u32,
        /// Requests with this token that got no usable answer before it was refused: more than ten seconds after a
        /// lost answer the service takes the token for a stolen copy.
        unanswered: u32,
    },
    /// The last refresh got no usable answer before its deadline.
    Unanswered,
}

/// A mail as Mailpit lists it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mail {
    /// The recipient.
    pub address: String,
    /// The `Message-ID`.
    pub message_id: String,
    /// The six digits, empty if it has none.
    pub code: String,
}

/// How requests ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answers {
    /// Count by endpoint (`login`, `verify`, `refresh`) and HTTP status; 0 is a request without an HTTP response.
    pub statuses: BTreeMap<String, BTreeMap<u16, u64>>,
    /// Requests without an HTTP response.
    pub without_response: u64,
    /// 503 without `Retry-After`.
    pub without_retry_after: u64,
    /// The first of these, in words.
    pub examples: Vec<String>,
    /// The longest time between two logins answered 200, in milliseconds.
    pub longest_gap_ms: u64,
}

/// A load's figures while it runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Sign-ins that have begun.
    pub begun: u64,
    /// Logins answered 200.
    pub confirmed: u64,
    /// Sign-ins whose code was exchanged for a session.
    pub signed_in: u64,
    /// Sign-ins that are in progress.
    pub in_progress: u64,
    /// Milliseconds since the last login answered 200.
    pub last_confirmed_ms_ago: Option<u64>,
    /// Sessions that are refreshed throughout the load.
    pub kept_sessions: u64,
    /// Sessions that were refused so far.
    pub lost_sessions: u64,
    /// How requests ended so far.
    pub answers: Answers,
    /// Whether the ledger is complete.
    pub finished: bool,
}

/// How many examples of bad answers are kept.
const MAX_EXAMPLES: usize = 10;

impl Answers {
    /// Counts one request.
    pub fn count(&mut self, endpoint: &str, answer: &Answer) {
        let Answer { status, retry_after, detail, .. } = answer;
        let status = *status;
        let by_status = self.statuses.entry(endpoint.to_owned()).or_default();
        *by_status.entry(status).or_default() += 1;
        if status == 0 {
            self.without_response += 1;
            self.remember(format!("{endpoint} got no HTTP response: {detail}"));
        } else if status == 503 && retry_after.is_none() {
            self.without_retry_after += 1;
            self.remember(format!("{endpoint} was answered 503 without Retry-After: {detail}"));
        } else if status >= 400 && ![400, 401, 503].contains(&status) {
            self.remember(format!("{endpoint} was answered {status}: {detail}"));
        }
    }

    /// How many requests of `endpoint` were answered with `status`.
    #[must_use]
    pub fn of(&self, endpoint: &str, status: u16) -> u64 {
        self.statuses.get(endpoint).and_then(|by_status| by_status.get(&status)).copied().unwrap_or_default()
    }

    fn remember(&mut self, example: String) {
        if self.examples.len() < MAX_EXAMPLES {
            self.examples.push(example);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, retry_after: Option<u64>, detail: &str) -> Answer {
        Answer { status, retry_after, detail: detail.to_owned(), ..Answer::default() }
    }

    #[test]
    fn answers_are_counted_by_endpoint_and_status() {
        let mut answers = Answers::default();
        answers.count("login", &answer(200, None, ""));
        answers.count("login", &answer(200, None, ""));
        answers.count("verify", &answer(503, Some(3), ""));
        let counts = [answers.of("login", 200), answers.of("verify", 503), answers.of("refresh", 200)];
        assert_eq!(counts, [2, 1, 0]);
        assert_eq!((answers.without_response, answers.without_retry_after), (0, 0));
    }

    #[test]
    fn a_missing_response_and_a_missing_retry_after_are_remembered() {
        let mut answers = Answers::default();
        answers.count("login", &answer(0, None, "connection refused"));
        answers.count("login", &answer(503, None, "no endpoints"));
        assert_eq!((answers.without_response, answers.without_retry_after), (1, 1));
        assert!(answers.examples[0].contains("connection refused"), "{:?}", answers.examples);
        assert!(answers.examples[1].contains("without Retry-After"), "{:?}", answers.examples);
    }
}
