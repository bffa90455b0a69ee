//! How long cases wait: three times what the product promises, so that a busy machine fails no case.

use std::time::Duration;

/// A new stack to be ready, images present.
pub const STACK: Duration = Duration::from_mins(4);
/// A restarted server or rollout to be ready.
pub const SERVER: Duration = Duration::from_mins(3);
/// All pods of a stack to stop, when it is deleted.
pub const STOP: Duration = Duration::from_secs(90);
/// The operator to notice and act.
pub const OPERATOR: Duration = Duration::from_mins(2);
/// A mail to arrive at a healthy stack.
pub const MAIL: Duration = Duration::from_mins(1);
/// A read through the API server to be complete.
pub const READ: Duration = Duration::from_secs(30);
/// A load to end: a code's life and the proof of all sessions.
pub const LOAD_END: Duration = Duration::from_secs(700);
/// A namespace with stacks in it to be gone.
pub const NAMESPACE: Duration = Duration::from_mins(5);
/// A broker without its volume to be a member again.
pub const VOLUME: Duration = Duration::from_mins(6);
