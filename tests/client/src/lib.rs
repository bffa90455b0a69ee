//! The pod that signs in on behalf of a cluster case, and the ledger that it keeps.
//!
//! A case talks to its control API through the API server, so that every request to a stack comes from inside the
//! stack's namespace, as the NetworkPolicies demand. In reading order:
//! - [`call`]: one request, and everything that can become of it;
//! - [`plan`]: what a load is to do;
//! - [`ledger`]: what became of each sign-in, and [`findings`]: which promises it breaks;
//! - [`inbox`]: the mails that Mailpit holds;
//! - [`context`]: what all sign-ins of a load share;
//! - [`sign_in`], [`session`]: one user from the first login to the last refresh;
//! - [`load`]: many of them at a steady rate;
//! - [`control`]: the API.
#![expect(
    clippy::disallowed_methods,
    reason = "a program for tests has no Shutdown: its pod is deleted with the namespace"
)]

pub mod call;
pub mod context;
pub mod control;
pub mod findings;
pub mod inbox;
pub mod ledger;
pub mod load;
pub mod plan;
pub mod session;
pub mod sign_in;
