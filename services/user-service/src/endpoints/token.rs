//! Tokens: refreshing them, and what other services check them with.

pub(super) mod authz;
pub(super) mod jwks;
pub(super) mod refresh_token;
