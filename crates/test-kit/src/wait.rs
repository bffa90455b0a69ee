//! Waiting for an event, with a deadline and an error that says what was waited for.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

const PAUSE: Duration = Duration::from_millis(20);

/// Asks until the answer is `Some`, and returns it.
///
/// # Panics
/// When `deadline` has passed: the message says `what` was waited for.
pub async fn wait_for<T, Check, Answer>(what: &str, deadline: Duration, mut check: Check) -> T
where
    Check: FnMut() -> Answer,
    Answer: Future<Output = Option<T>>,
{
    let end = Instant::now() + deadline;
    loop {
        // A check that hangs must not outlast the deadline.
        match tokio::time::timeout_at(end, check()).await {
            Ok(Some(value)) => return value,
            Ok(None) if Instant::now() < end => tokio::time::sleep(PAUSE).await,
            Ok(None) | Err(_) => panic!("waited {deadline:?} in vain for: {what}"),
        }
    }
}

/// Asks until the answer is `true`.
///
/// # Panics
/// When `deadline` has passed: the message says `what` was waited for.
pub async fn wait_until<Check, Answer>(what: &str, deadline: Duration, mut check: Check)
where
    Check: FnMut() -> Answer,
    Answer: Future<Output = bool>,
{
    wait_for(what, deadline, || {
        let answer = check();
        async move { answer.await.then_some(()) }
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_third_answer_is_waited_for() {
        let mut asked = 0;
        let found = wait_for("the third answer", Duration::from_secs(5), || {
            asked += 1;
            let answer = (asked == 3).then_some(asked);
            async move { answer }
        });
        assert_eq!(found.await, 3);
    }

    #[tokio::test]
    #[should_panic(expected = "in vain for: a check that hangs")]
    async fn a_check_that_hangs_ends_at_the_deadline() {
        wait_until("a check that hangs", Duration::from_millis(50), std::future::pending).await;
    }
}
