//! One entry of the audit log.

use std::time::SystemTime;

use ping_contract::address::EmailAddress;
use serde::Serialize;
use service_kit::timestamp::{rfc3339_millis, unix_ms};

use crate::{accounts::User, rate_limits::ClientIp};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A code was exchanged for tokens.
    SignIn,
    /// A code was wrong, or there was none to compare it with.
    WrongCode,
    /// A code came after the attempts at the live codes were used up.
    AttemptsExhausted,
    /// A login or an attempt was refused by a limit.
    Limited,
    /// A refresh token was exchanged for new tokens, or was not known.
    Refresh,
    /// A refresh token that was used before came again, and its session has ended.
    RefreshReuse,
    /// A session has ended, or all sessions of a user.
    SignOut,
    /// A user has another name.
    Rename,
    /// Other signing keys or peppers are in use.
    KeyRotation,
}

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Success,
    /// It was wrong.
    Failure,
    /// It was not even tried.
    Refused,
}

/// An entry. What is not known is null.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    time: String,
    target: &'static str,
    event: Event,
    outcome: Outcome,
    user: Option<String>,
    sid: Option<String>,
    address: Option<String>,
    network: Option<String>,
    request_id: Option<String>,
    detail: Option<String>,
}

impl Entry {
    /// Something that happens now.
    #[must_use]
    pub fn new(event: Event, outcome: Outcome) -> Self {
        Self {
            time: rfc3339_millis(unix_ms(SystemTime::now())),
            target: "audit",
            event,
            outcome,
            user: None,
            sid: None,
            address: None,
            network: None,
            request_id: None,
            detail: None,
        }
    }

    /// To whom, by id and masked address.
    #[must_use]
    pub fn user(mut self, user: &User) -> Self {
        self.user = Some(user.id.clone());
        self.address = EmailAddress::parse(&user.email).ok().map(|address| address.to_string());
        self
    }

    /// The address, which is masked.
    #[must_use]
    pub fn address(mut self, address: &EmailAddress) -> Self {
        self.address = Some(address.to_string());
        self
    }

    /// The session.
    #[must_use]
    pub fn session(mut self, id: Option<&str>) -> Self {
        self.sid = id.map(str::to_owned);
        self
    }

    /// Where the request came from: the network that limits count.
    #[must_use]
    pub fn client(mut self, client: ClientIp) -> Self {
        self.network = Some(client.network());
        self
    }

    /// The request, as its problem names it.
    #[must_use]
    pub fn request(mut self, id: String) -> Self {
        self.request_id = Some(id);
        self
    }

    /// What else there is to say, never anything that a client has sent.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// As JSON, with a line end.
    pub(super) fn to_line(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).unwrap_or_default(); // cannot fail: texts
        line.push(b'\n');
        line
    }
}
