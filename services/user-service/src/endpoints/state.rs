//! What handlers work with. Publisher and accounts are traits, so that tests put others in.

use std::{sync::Arc, time::Duration};

use axum::http::{HeaderMap, HeaderValue};
use service_kit::{shutdown::Shutdown, telemetry::chain};

use super::{log_limit::LogLimit, sign_in::LoginConcurrency};
use crate::{
    accounts::{AccountOptions, Accounts, AccountsError, User},
    audit::{Audit, Entry},
    codes::Store,
    http::{TrustedProxies, problem::Problem, rate_limit_headers, request},
    mail_sealing::MailSealing,
    metrics::ServiceMetrics,
    peppers::{LastingPeppers, Peppers},
    publisher::MailPublisher,
    rate_limits::{ClientIp, Limits},
    sessions::{LiveSession, Sessions},
    tokens::{Identity, SignedToken, Tokens},
};

/// What a token is signed on.
#[derive(Debug, Clone, Copy)]
pub enum Basis<'a> {
    /// A code that was verified just now, where there are no sessions.
    Code,
    /// A session that has not ended.
    Session(&'a LiveSession),
    /// A token without a session: the new one ends with it.
    Token(&'a Identity),
}

/// The parts that a service is put together from.
pub struct Parts {
    /// Codes and limits in Redis.
    pub store: Store,
    /// The broker.
    pub publisher: Arc<dyn MailPublisher>,
    /// Who people are.
    pub accounts: Arc<dyn Accounts>,
    /// Writes mail events.
    pub sealing: MailSealing,
    /// Signs and checks tokens.
    pub tokens: Tokens,
    /// Sign-ins that last; only where tokens are `EdDSA`.
    pub sessions: Option<Sessions>,
    /// What accounts are allowed to.
    pub options: AccountOptions,
    /// Keys of digests.
    pub peppers: Peppers,
    /// Keys of what Redis keeps for 30 days.
    pub lasting_peppers: LastingPeppers,
    /// The same that the store counts by.
    pub limits: Arc<Limits>,
    /// How many logins may be under way.
    pub login_concurrency: LoginConcurrency,
    /// Whose `X-Forwarded-For` is believed.
    pub proxies: TrustedProxies,
    /// Counters.
    pub metrics: ServiceMetrics,
    /// What happened to sign-ins, sessions and keys.
    pub audit: Audit,
    /// Owner of what outlives its request.
    pub shutdown: Shutdown,
}

/// The state of all handlers: the parts, and what is computed from them once.
pub struct App {
    pub parts: Parts,
    /// `RateLimit-Policy` of login.
    pub login_policies: Option<HeaderValue>,
    /// `RateLimit-Policy` of verify-otp.
    pub verify_policies: Option<HeaderValue>,
    failures: LogLimit,
    untrusted_proxies: LogLimit,
}

impl App {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: Parts) -> Arc<Self> {
        Arc::new(Self {
            login_policies: rate_limit_headers::policies(&parts.limits.login_policies()),
            verify_policies: rate_limit_headers::policies(&parts.limits.verify_policies()),
            failures: LogLimit::new(Duration::from_secs(1)),
            untrusted_proxies: LogLimit::new(Duration::from_mins(1)),
            parts,
        })
    }

    /// Who a request comes from.
    #[must_use]
    pub fn client(&self, peer: std::net::SocketAddr, headers: &HeaderMap) -> ClientIp {
        let origin = self.parts.proxies.origin(peer.ip(), headers);
        if origin.untrusted_proxy {
            self.parts.metrics.untrusted_proxy();
            if self.untrusted_proxies.pass().is_some() {
                tracing::warn!(
                    peer = %peer.ip(),
                    "a private peer sends X-Forwarded-For and is not in TRUSTED_PROXIES: all its clients count as one"
                );
            }
        }
        origin.client
    }

    /// Puts what happened in this request into the audit log.
    pub fn record(&self, entry: Entry) {
        self.parts.audit.record(&entry.request(request::instance()));
    }

    /// The sessions, or the 501 that says how to have some.
    pub fn sessions(&self) -> Result<&Sessions, Problem> {
        self.parts.sessions.as_ref().ok_or(Problem::no_signing_keys())
    }

    /// A token, or the 500 of a key that does not sign.
    pub fn sign(&self, user: &User, basis: Basis<'_>) -> Result<SignedToken, Problem> {
        let (session, not_after) = match basis {
            Basis::Code => (None, None),
            Basis::Session(live) => (Some(live.reference()), Some(live.ends_at())),
            Basis::Token(identity) => (None, Some(identity.expires_at)),
        };
        self.parts.tokens.sign(user, session, not_after).map_err(|error| {
            tracing::error!(error = chain(&error), "a token could not be signed");
            Problem::internal()
        })
    }

    /// The 501 where there is no directory, else the 503 of a directory that does not answer.
    #[must_use]
    pub fn no_directory(&self, step: &'static str, error: &AccountsError) -> Problem {
        if *error == AccountsError::NoDirectory {
            Problem::no_directory()
        } else {
            self.unavailable(step, error)
        }
    }

    /// The 503 of a step that failed, with its cause in the log: the only place where one is logged.
    #[must_use]
    pub fn unavailable(&self, step: &'static str, error: &dyn std::error::Error) -> Problem {
        if let Some(held_back) = self.failures.pass() {
            tracing::warn!(step, error = chain(error), held_back, "answering 503");
        }
        Problem::unavailable()
    }
}
