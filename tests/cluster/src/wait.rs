//! Waiting for a state of the cluster, with a deadline and an error that says what was seen last.

use std::{fmt::Display, time::Duration};

use tokio::time::{Instant, sleep, timeout_at};

const PAUSE: Duration = Duration::from_millis(500);

/// Looks until the state is there, and returns what `look` made of it. While it is not, `look` says what it saw instead.
/// Panics when `deadline` has passed, with what was waited for and what was seen last.
pub async fn eventually<T>(
    what: impl Display,
    deadline: Duration,
    look: impl AsyncFnMut() -> Result<T, String>,
) -> T {
    attempt(what, deadline, look).await.unwrap_or_else(|error| panic!("{error}"))
}

/// The same, for a case that has to undo something before it may fail.
pub async fn attempt<T>(
    what: impl Display,
    deadline: Duration,
    mut look: impl AsyncFnMut() -> Result<T, String>,
) -> Result<T, String> {
    let end = Instant::now() + deadline;
    let mut seen = "nothing yet".to_owned();
    loop {
        // A look that hangs must not outlast the deadline.
        match timeout_at(end, look()).await {
            Ok(Ok(state)) => return Ok(state),
            Ok(Err(other)) => seen = other,
            Err(_) => {}
        }
        if Instant::now() >= end {
            return Err(format!("waited {deadline:?} in vain for {what}; last seen: {seen}"));
        }
        sleep(PAUSE).await;
    }
}

/// `Ok` if it holds, else what is seen instead.
pub fn seen(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

/// An error and its causes, in one line.
pub fn chain(error: impl std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_third_look_is_waited_for() {
        let mut looks = 0;
        let found = eventually("the third look", Duration::from_secs(5), async || {
            looks += 1;
            if looks == 3 { Ok(looks) } else { Err(format!("look {looks}")) }
        });
        assert_eq!(found.await, 3);
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "waited 2s in vain for a third look; last seen: only two")]
    async fn the_panic_says_what_was_waited_for_and_what_was_seen_last() {
        eventually("a third look", Duration::from_secs(2), async || Err::<(), _>("only two".to_owned()))
            .await;
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "last seen: nothing yet")]
    async fn a_look_that_hangs_ends_at_the_deadline() {
        eventually("a look", Duration::from_secs(2), std::future::pending::<Result<(), String>>).await;
    }
}
