//! What a sign-in failed of. No failure holds an address, a code or a token.

use std::time::Duration;

use service_kit::telemetry::chain;

/// The steps of a sign-in, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// `POST /api/v1/login`.
    Login,
    /// The mail comes to the sink.
    Mail,
    /// `POST /api/v1/verify-otp`.
    Verify,
    /// The token is one of the published keys'.
    Token,
    /// The same code once more, which must be refused.
    Again,
    /// `POST /api/v1/logout`.
    Logout,
}

/// Why a sign-in did not work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No answer of user-service.
    #[error("user-service does not answer {}: {why}", .step.request())]
    Unanswered {
        step: Step,
        /// In the words of the HTTP client.
        why: String,
    },
    /// An answer that is not the expected one.
    #[error("user-service answers {} with {status}", .step.request())]
    Refused { step: Step, status: u16 },
    /// An answer without what its contract promises.
    #[error("the answer to {} has no {missing}", .step.request())]
    Incomplete { step: Step, missing: &'static str },
    /// The mail did not come in time.
    #[error("the login was accepted, and its mail did not come within {} s", .0.as_secs())]
    NoMail(Duration),
    /// A mail without a code.
    #[error("the mail came, and there is no code of six digits in it")]
    NoCode,
    /// A token that a service would not accept.
    #[error("the token is not valid: {0}")]
    Token(&'static str),
    /// The code was accepted a second time.
    #[error("the code was accepted twice")]
    AcceptedTwice,
}

impl Failure {
    pub(crate) fn unanswered(step: Step, error: reqwest::Error) -> Self {
        // The URL is the caller's own, and would be repeated for each cause.
        Self::Unanswered { step, why: chain(&error.without_url()) }
    }

    /// The step that failed.
    #[must_use]
    pub fn step(&self) -> Step {
        match self {
            Self::Unanswered { step, .. } | Self::Refused { step, .. } | Self::Incomplete { step, .. } => {
                *step
            }
            Self::NoMail(_) | Self::NoCode => Step::Mail,
            Self::Token(_) => Step::Token,
            Self::AcceptedTwice => Step::Again,
        }
    }

    /// Whether a limit of the stack's own stopped the sign-in, which says nothing of whether users can sign in.
    #[must_use]
    pub fn is_limited(&self) -> bool {
        matches!(self, Self::Refused { status: 429, .. })
    }
}

impl Step {
    /// The request of the step, as users find it in the documentation of the API.
    #[must_use]
    pub fn request(self) -> &'static str {
        match self {
            Self::Login | Self::Mail => "POST /api/v1/login",
            Self::Verify | Self::Again => "POST /api/v1/verify-otp",
            Self::Token => "GET /.well-known/jwks.json",
            Self::Logout => "POST /api/v1/logout",
        }
    }
}
