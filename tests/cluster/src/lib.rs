//! What cluster cases are written with: a namespace for each, small stacks, sign-ins from inside, waits with a deadline.
//!
//! `tests/cluster/run` finds the cluster in use, loads the images of the cases and runs them; `make test` does not. A case
//! is a test in `tests/cases/`, one file for each kind of fault:
//!
//! ```no_run
//! use cluster::{Case, deadline};
//! use serde_json::json;
//!
//! // #[tokio::test]
//! async fn a_deleted_redis_pod_keeps_the_sessions() {
//!     Case::run(async |case: &Case| {
//!         let demo = case.stack("demo");
//!         demo.apply(json!({ "userService": { "replicas": 1 } })).await;
//!         demo.wait_ready().await;
//!         let mut session = demo.user("ada@example.org").sign_in().await;
//!         case.replace_pod("demo-redis-0").await;
//!         demo.wait_condition("RedisReady", "True", deadline::SERVER).await;
//!         let answer = demo.user("ada@example.org").refresh(&mut session).await;
//!         assert_eq!(answer.status, 200, "{answer:?}");
//!     })
//!     .await;
//! }
//! ```
//!
//! - The name of the case is the name of the function. Its namespace enforces the Pod Security Standard `restricted` and
//!   holds Mailpit and the pod `client` when the body begins; it is deleted at the end, and with `KEEP=1` only if the case
//!   passed. A case that fails describes its namespace first.
//! - [`Case::run`] shares the operator with other cases, [`Case::alone`] has the cluster to itself: it may stop the
//!   operator, install it differently, or break a node.
//! - A wait names what it waits for and says in its panic what it saw last. [`deadline`] has the usual ones, three times as
//!   long as the product promises.
//! - [`Stack::start_load`] signs in at a steady rate while the case breaks something; [`Load::finish`] compares what was
//!   confirmed with what arrived.
//! - A case that only `make e2e-full` runs is `#[ignore = "…"]` with the reason; naming it runs it too.
//!
//! A step that fails panics with what to do: in a test that is the answer one wants, and no case can go on without it.
#![expect(
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "every step that fails panics, see above; tests read their environment and wait without a Shutdown"
)]

pub mod autoscaling_picture;
mod case;
mod cluster;
mod crd_version;
pub mod deadline;
mod neighbours;
mod pingstack;
pub mod settings;
mod stack;
pub mod wait;

pub use case::{Case, metrics_api, node, pods};
pub use cluster::{Cluster, Forward, Kind, Operator, PodSecurity, crd::CRD};
pub use neighbours::{ExternalServers, PROXY_URL, Relay, SlowMail};
pub use pingstack::Condition;
pub use settings::Way;
pub use stack::{
    Stack,
    load::{self, Load},
    management,
    user::{Session, User, served},
};
pub use test_client::{call::Answer, ledger::Ledger, plan::LoadPlan};
