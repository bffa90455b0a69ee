//! What came of a sign-in, as condition, status and outcome.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use pingstack_crd::status::SyntheticLoginStatus;
use sign_in_check::{Failure, SignedIn, Step};

use crate::conditions::{ConditionType, Finding};

/// A sign-in that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInResult {
    /// When it ended.
    pub at: Timestamp,
    /// What came of it.
    pub outcome: Result<SignedIn, Failure>,
    /// The request that it serves, if any.
    pub request: Option<String>,
}

/// Every reason of a failure, for counters that begin at 0.
pub const OUTCOMES: [&str; 8] = [
    "SignedIn",
    "Limited",
    "LoginFailed",
    "MailMissing",
    "CodeRefused",
    "TokenInvalid",
    "CodeAcceptedTwice",
    "LogoutFailed",
];

impl SignInResult {
    /// The reason of the condition.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match &self.outcome {
            Ok(_) => "SignedIn",
            Err(failure) if failure.is_limited() => "Limited",
            Err(failure) => match failure.step() {
                Step::Login => "LoginFailed",
                Step::Mail => "MailMissing",
                Step::Again if *failure == Failure::AcceptedTwice => "CodeAcceptedTwice",
                // No answer to the second try says nothing of the first.
                Step::Verify | Step::Again => "CodeRefused",
                Step::Token => "TokenInvalid",
                Step::Logout => "LogoutFailed",
            },
        }
    }

    /// How long the code took.
    #[must_use]
    pub fn code_after(&self) -> Option<Duration> {
        self.outcome.as_ref().ok().map(|signed_in| signed_in.code_after)
    }

    /// The condition. Its message does not change while the result stays the same.
    #[must_use]
    pub fn finding(&self) -> Finding {
        const TYPE: ConditionType = ConditionType::SignInWorks;
        let reason = self.reason();
        match &self.outcome {
            Ok(_) => Finding::good(
                TYPE,
                reason,
                "the operator signed in with a code from the mail; status.syntheticLogin says when",
            ),
            Err(failure) if failure.is_limited() => Finding::unknown(
                TYPE,
                reason,
                format!("a limit of the stack's own stopped the operator's sign-in: {failure}"),
            ),
            Err(failure) => Finding::bad(
                TYPE,
                reason,
                format!("the operator could not sign in, twice: {failure}; {}", advice(reason)),
            ),
        }
    }

    /// For `status.syntheticLogin`.
    #[must_use]
    pub fn status(&self) -> SyntheticLoginStatus {
        let milliseconds = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        SyntheticLoginStatus {
            time: Timestamp::from_second(self.at.as_second()).unwrap_or_default().to_string(),
            reason: self.reason().to_owned(),
            code_after_milliseconds: self.code_after().map(milliseconds),
            request: self.request.clone(),
        }
    }
}

fn advice(reason: &str) -> &'static str {
    match reason {
        "LoginFailed" => "see UserServiceReady, RedisReady and RabbitMQReady",
        "MailMissing" => {
            "see MailServiceReady and the mail queue, and that network policies let mail-service reach the operator"
        }
        "CodeRefused" => "see UserServiceReady and RedisReady, and the directory of users",
        "TokenInvalid" => "see what user-service logs of its signing keys",
        _ => "see the log of user-service",
    }
}

/// One result of each outcome, in their order.
#[cfg(test)]
pub(crate) fn examples() -> Vec<SignInResult> {
    let refused = |step| Failure::Refused { step, status: 503 };
    let failures = [
        Failure::Refused { step: Step::Login, status: 429 },
        refused(Step::Login),
        Failure::NoMail(Duration::from_mins(1)),
        refused(Step::Verify),
        Failure::Token("its key is not published"),
        Failure::AcceptedTwice,
        refused(Step::Logout),
    ];
    let good = Ok(SignedIn { code_after: Duration::from_millis(1234) });
    let result = |outcome| SignInResult { at: Timestamp::UNIX_EPOCH, outcome, request: None };
    std::iter::once(good).chain(failures.map(Err)).map(result).collect()
}

#[cfg(test)]
mod tests {
    use super::{OUTCOMES, SignInResult, examples};

    #[test]
    fn every_result_has_an_outcome_and_a_row_in_the_table_of_reasons() {
        let reasons = examples().iter().map(SignInResult::reason).collect::<Vec<_>>();
        assert_eq!(reasons, OUTCOMES);
        for result in examples() {
            // A finding whose reason has no row fails here.
            let finding = result.finding();
            let status = match result.reason() {
                "SignedIn" => "True",
                "Limited" => "Unknown",
                _ => "False",
            };
            assert_eq!(finding.status, status, "{}", result.reason());
        }
    }

    #[test]
    fn the_status_says_when_and_how_long_the_code_took() {
        let [good, .., bad] = &examples()[..] else { unreachable!("there are eight") };
        let status = good.status();
        assert_eq!(
            (status.time.as_str(), status.code_after_milliseconds),
            ("1970-01-01T00:00:00Z", Some(1234))
        );
        assert_eq!(
            (bad.status().reason.as_str(), bad.status().code_after_milliseconds),
            ("LogoutFailed", None)
        );
    }
}
