//! Codes, limits and idempotency keys in Redis. One login is one call, a verification two: each is a Lua script, so
//! that nothing is ever half done. Redis' clock is the only one.
//!
//! Keys are documented in `ping_contract::keys`, the hash of a code in `scripts/slots.lua`, and each script at its top.

mod code;
mod issue;
mod reply;
mod scripts;
mod settle;
mod verify;

use std::sync::Arc;

pub use code::{CODE_DIGITS, Code};
pub use issue::{IssueError, IssueOutcome, IssueRequest, Issued};
pub use settle::{PublishResult, Receipt};
pub use verify::{Claim, ClaimOutcome, ClaimRequest, Claimant, WrongReason};

use redis_client::RedisConnection;

use crate::rate_limits::Limits;

/// The store. Clones share the connection.
#[derive(Debug, Clone)]
pub struct Store {
    redis: RedisConnection,
    scripts: Arc<scripts::Scripts>,
    limits: Arc<Limits>,
}

impl Store {
    /// A store in the Redis of this connection.
    #[must_use]
    pub fn new(redis: RedisConnection, limits: Arc<Limits>) -> Self {
        Self { redis, scripts: Arc::new(scripts::Scripts::new()), limits }
    }
}
