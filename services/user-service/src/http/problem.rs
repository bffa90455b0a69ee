//! Error answers: `application/problem+json` (RFC 9457) with the `message` that the original's clients read.
//!
//! Every sentence is fixed: no answer quotes the request, nor another server's words. Same status, body and headers
//! for every address, known or not.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{rate_limit_headers::insert_remaining, request};
use crate::rate_limits::Refusal;

mod catalogue;

/// Where problem types of ours live. `code` is the last part.
const TYPE_BASE: &str = "https://pingstack.dev/problems/";
const QUOTA_EXCEEDED: &str = "https://iana.org/assignments/http-problem-types#quota-exceeded";
const REDUCED_CAPACITY: &str = "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity";

/// The `Retry-After` of a 503, in seconds: a connection is dialled again within it.
const RETRY_AFTER_SECONDS: u64 = 2;

/// One error answer. Made in [`catalogue`] only, so that all sentences stand side by side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    message: &'static str,
    pointer: Option<&'static str>,
    retry_after: Option<u64>,
    refusal: Option<Box<Refusal>>,
    attempts_remaining: Option<u32>,
    accept_encoding: Option<&'static str>,
}

impl Problem {
    const fn new(status: StatusCode, code: &'static str, title: &'static str, message: &'static str) -> Self {
        Self {
            status,
            code,
            title,
            message,
            pointer: None,
            retry_after: None,
            refusal: None,
            attempts_remaining: None,
            accept_encoding: None,
        }
    }

    /// The stable word for it.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.code
    }

    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// Points to the field of the request that is wrong (RFC 6901).
    #[must_use]
    const fn at(mut self, pointer: &'static str) -> Self {
        self.pointer = Some(pointer);
        self
    }

    /// Tells the holder of a challenge how many tries are left.
    #[must_use]
    pub const fn with_attempts_remaining(mut self, tries: Option<u32>) -> Self {
        self.attempts_remaining = tries;
        self
    }

    fn type_uri(&self) -> String {
        match self.status {
            StatusCode::TOO_MANY_REQUESTS => QUOTA_EXCEEDED.to_owned(),
            StatusCode::SERVICE_UNAVAILABLE => REDUCED_CAPACITY.to_owned(),
            _ => format!("{TYPE_BASE}{}", self.code),
        }
    }
}

/// The JSON form.
#[derive(Serialize, ToSchema)]
pub struct ProblemBody<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    instance: String,
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<[FieldError<'a>; 1]>,
    #[serde(rename = "violated-policies", skip_serializing_if = "Option::is_none")]
    violated_policies: Option<Vec<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts_remaining: Option<u32>,
}

#[derive(Serialize, ToSchema)]
struct FieldError<'a> {
    pointer: &'a str,
    detail: &'a str,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        // RFC 6750, section 3: the challenge to a request without a token names no error.
        let authenticate = (self.status == StatusCode::UNAUTHORIZED).then_some(if self.code == "no-token" {
            "Bearer"
        } else {
            "Bearer error=\"invalid_token\""
        });
        let body = ProblemBody {
            r#type: self.type_uri(),
            title: self.title,
            status: self.status.as_u16(),
            detail: self.message,
            instance: request::instance(),
            code: self.code,
            message: self.message,
            errors: self.pointer.map(|pointer| [FieldError { pointer, detail: self.message }]),
            violated_policies: self
                .refusal
                .as_ref()
                .map(|refusal| refusal.policies.iter().map(|policy| policy.name()).collect()),
            attempts_remaining: self.attempts_remaining,
        };
        let body = serde_json::to_vec(&body).unwrap_or_default(); // cannot fail: texts and numbers
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let longest = self.refusal.map(|refusal| refusal.longest);
        if let Some(seconds) = longest.map(|longest| longest.seconds).or(self.retry_after) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(challenge) = authenticate {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if let Some(encodings) = self.accept_encoding {
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(encodings));
        }
        if let Some(longest) = longest {
            insert_remaining(headers, longest);
        }
        response
    }
}

#[cfg(test)]
mod tests;
