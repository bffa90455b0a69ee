//! The kit against the real servers. Run it as `dev/with-servers cargo test -p test-kit`.

mod mailpit;
mod rabbitmq;
mod redis;

use std::time::Duration;

/// Three times what the slowest step takes on a busy machine.
const LONG: Duration = Duration::from_secs(30);
/// Long enough to see that something does not happen.
const SHORT: Duration = Duration::from_millis(300);
