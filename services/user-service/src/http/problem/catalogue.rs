//! Every problem that is ever answered, in the order of its status.

use axum::http::StatusCode;
use ping_contract::wire;

use super::{Problem, RETRY_AFTER_SECONDS};
use crate::rate_limits::Refusal;

const BAD_REQUEST: StatusCode = StatusCode::BAD_REQUEST;
const UNAUTHORIZED: StatusCode = StatusCode::UNAUTHORIZED;
const UNAVAILABLE: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

impl Problem {
    /// 400: not JSON, not an object, or not UTF-8.
    #[must_use]
    pub const fn malformed_body() -> Self {
        let message =
            "The request body could not be read. Send one JSON object with the fields of this path.";
        Self::new(BAD_REQUEST, "malformed-body", "Malformed body", message)
    }

    /// 400: login without an address, or with one that is no text.
    #[must_use]
    pub const fn email_required() -> Self {
        Self::new(BAD_REQUEST, "email-required", "Email required", "Email is required").at("/email")
    }

    /// 400: an address that no code can be mailed to.
    #[must_use]
    pub const fn invalid_address() -> Self {
        let message = "Please enter a valid email address, such as name@example.org.";
        Self::new(BAD_REQUEST, "invalid-address", "Invalid address", message).at("/email")
    }

    /// 400: a language that is no text, or no language tag.
    #[must_use]
    pub const fn invalid_locale() -> Self {
        let message =
            "A locale is one language tag of at most 35 characters, such as de-AT. Send another, or none.";
        Self::new(BAD_REQUEST, "invalid-locale", "Invalid locale", message).at("/locale")
    }

    /// 400: verify-otp without one of its fields; `pointer` names it.
    #[must_use]
    pub const fn fields_required(pointer: &'static str) -> Self {
        Self::new(BAD_REQUEST, "fields-required", "Fields required", wire::FIELDS_REQUIRED).at(pointer)
    }

    /// 400: a code that is not sent as text. It is no guess, so nothing is counted.
    #[must_use]
    pub const fn mistyped_code() -> Self {
        Self::invalid_code().at("/otp")
    }

    /// 400: a challenge that is no text.
    #[must_use]
    pub const fn invalid_challenge() -> Self {
        let message = "The challenge is the text that login answered. Send it unchanged, or leave it out.";
        Self::new(BAD_REQUEST, "invalid-challenge", "Invalid challenge", message).at("/challenge")
    }

    /// 400: no challenge, where one is required.
    #[must_use]
    pub const fn challenge_required() -> Self {
        let message = "challenge is required. Send the one that login answered, together with the code.";
        Self::new(BAD_REQUEST, "challenge-required", "Challenge required", message).at("/challenge")
    }

    /// 400: whatever was wrong with a code, the same.
    #[must_use]
    pub const fn invalid_code() -> Self {
        Self::new(BAD_REQUEST, "invalid-code", "Invalid code", wire::INVALID_CODE)
    }

    /// 400: an `Idempotency-Key` that is too long, not printable, or given more than once.
    #[must_use]
    pub const fn invalid_idempotency_key() -> Self {
        let message = "An Idempotency-Key has at most 255 printable characters. Send another, or none.";
        Self::new(BAD_REQUEST, "invalid-idempotency-key", "Invalid Idempotency-Key", message)
    }

    /// 400: `users/me` without a name.
    #[must_use]
    pub const fn name_required() -> Self {
        Self::new(BAD_REQUEST, "name-required", "Name required", wire::NAME_REQUIRED).at("/name")
    }

    /// 400: a name that is too long, or has control characters.
    #[must_use]
    pub const fn invalid_name() -> Self {
        let message = "A name has at most 200 characters, and no control characters. Send a shorter one.";
        Self::new(BAD_REQUEST, "invalid-name", "Invalid name", message).at("/name")
    }

    /// 400: a refresh without its token.
    #[must_use]
    pub const fn refresh_token_required() -> Self {
        let message = "refresh_token is required. Send the one that the last sign-in or refresh answered.";
        Self::new(BAD_REQUEST, "refresh-token-required", "Refresh token required", message)
            .at("/refresh_token")
    }

    /// 401: no token.
    #[must_use]
    pub const fn no_token() -> Self {
        Self::new(UNAUTHORIZED, "no-token", "No token", wire::NO_TOKEN)
    }

    /// 401: a bad token, whatever is wrong with it.
    #[must_use]
    pub const fn invalid_token() -> Self {
        Self::new(UNAUTHORIZED, "invalid-token", "Invalid token", wire::INVALID_TOKEN)
    }

    /// 401: a refresh token that is worth nothing any more.
    #[must_use]
    pub const fn session_ended() -> Self {
        let message = "This session has ended. Please sign in again.";
        Self::new(UNAUTHORIZED, "session-ended", "Session ended", message)
    }

    /// 404: nobody has this id.
    #[must_use]
    pub const fn user_not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "user-not-found", "User not found", wire::USER_NOT_FOUND)
    }

    /// 404: the bearer has no session with this id.
    #[must_use]
    pub const fn session_not_found() -> Self {
        let message = "You have no session with this id. GET /api/v1/sessions lists those that you have.";
        Self::new(StatusCode::NOT_FOUND, "session-not-found", "Session not found", message)
    }

    /// 404.
    #[must_use]
    pub const fn not_found() -> Self {
        let message = "There is nothing at this path. Check the address of the request.";
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", message)
    }

    /// 405.
    #[must_use]
    pub const fn method_not_allowed() -> Self {
        let message = "This path does not take this method. The Allow header names those it takes.";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed", message)
    }

    /// 408: the body did not arrive in time.
    #[must_use]
    pub const fn body_too_slow() -> Self {
        let message = "The request body did not arrive in time. Please try again.";
        Self::new(StatusCode::REQUEST_TIMEOUT, "body-too-slow", "Body too slow", message)
    }

    /// 409: the first request with this `Idempotency-Key` is not answered yet.
    #[must_use]
    pub const fn request_in_flight() -> Self {
        let message =
            "A request with this Idempotency-Key is still being answered. Please try again in a moment.";
        let mut problem = Self::new(StatusCode::CONFLICT, "request-in-flight", "Request in flight", message);
        problem.retry_after = Some(1);
        problem
    }

    /// 413.
    #[must_use]
    pub const fn body_too_large() -> Self {
        let message = "The request body is larger than 16 KiB. Send the fields of this path only.";
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "Body too large", message)
    }

    /// 415.
    #[must_use]
    pub const fn unsupported_media_type() -> Self {
        let message =
            "The request body must be JSON. Send it with the header Content-Type: application/json.";
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            "Unsupported media type",
            message,
        )
    }

    /// 415: packed in a way that is not read. `accepted` are the encodings that are, for `Accept-Encoding`.
    #[must_use]
    pub const fn unsupported_content_encoding(accepted: &'static str) -> Self {
        let message = "The Content-Encoding of the request body is not supported. Send it as gzip, as deflate, or without one.";
        let title = "Unsupported content encoding";
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        let mut problem = Self::new(status, "unsupported-content-encoding", title, message);
        problem.accept_encoding = Some(accepted);
        problem
    }

    /// 422: this `Idempotency-Key` came with another body before.
    #[must_use]
    pub const fn idempotency_key_reused() -> Self {
        let message = "This Idempotency-Key was used with another body. Use a new key for a new request.";
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency-key-reused",
            "Idempotency-Key reused",
            message,
        )
    }

    /// 429 of login.
    #[must_use]
    pub fn too_many_logins(refusal: Refusal) -> Self {
        let mut problem = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-requests",
            "Too many requests",
            wire::TOO_MANY_LOGINS,
        );
        problem.refusal = Some(Box::new(refusal));
        problem
    }

    /// 429 of verify-otp.
    #[must_use]
    pub fn too_many_tries(refusal: Refusal) -> Self {
        let message = "Too many wrong codes. Please wait before you try again.";
        let mut problem =
            Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-tries", "Too many tries", message);
        problem.refusal = Some(Box::new(refusal));
        problem
    }

    /// 500: a defect of ours.
    #[must_use]
    pub const fn internal() -> Self {
        let message = "Something went wrong on our side. Please try again.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", message)
    }

    /// 501: what only a directory can do.
    #[must_use]
    pub const fn no_directory() -> Self {
        let message = "This service keeps no directory of users. Its operator can set MONGO_URI to have one.";
        Self::new(StatusCode::NOT_IMPLEMENTED, "no-directory", "No directory", message)
    }

    /// 501: a list of users, where that is off.
    #[must_use]
    pub const fn users_not_listed() -> Self {
        let message =
            "This service does not list its users. Its operator can set LIST_USERS=true to have them listed.";
        Self::new(StatusCode::NOT_IMPLEMENTED, "users-not-listed", "Users not listed", message)
    }

    /// 501: what only signing keys can do.
    #[must_use]
    pub const fn no_signing_keys() -> Self {
        let message = "Tokens are signed with a secret here, so there are no public keys and no sessions. The operator \
                       of this service can set TOKEN_SIGNING_KEYS_DIR to have both.";
        Self::new(StatusCode::NOT_IMPLEMENTED, "no-signing-keys", "No signing keys", message)
    }

    /// 503: a server that we need does not answer as it should. Never a guess.
    #[must_use]
    pub const fn unavailable() -> Self {
        let message = "Sign-in is not available at the moment. Please try again in a few seconds.";
        Self::retry_later("unavailable", "Unavailable", message)
    }

    /// 503: more requests in flight than this instance takes.
    #[must_use]
    pub const fn overloaded() -> Self {
        let message = "Too many people are signing in right now. Please try again in a few seconds.";
        Self::retry_later("overloaded", "Overloaded", message)
    }

    /// 503: another request is turning this code into a token.
    #[must_use]
    pub const fn code_in_use() -> Self {
        let message = "This code is being checked by another request. Please try again in a few seconds.";
        Self::retry_later("code-in-use", "Code in use", message)
    }

    const fn retry_later(code: &'static str, title: &'static str, message: &'static str) -> Self {
        let mut problem = Self::new(UNAVAILABLE, code, title, message);
        problem.retry_after = Some(RETRY_AFTER_SECONDS);
        problem
    }
}
