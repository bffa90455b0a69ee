//! Which node of a broker in the stack is believed: one that is in a cluster of most of them. A node that is a cluster of its own
//! has an empty queue of the same name.

use std::time::Duration;

use crate::autoscaling::{poller::Backlog, sample::Unreadable};

/// For the node that was read last.
const PREFERRED: Duration = Duration::from_millis(1800);

/// For each other one: within the poller's 4 s two of them may be away.
const OTHER: Duration = Duration::from_secs(1);

/// What one node says.
#[derive(Debug, Clone, Copy)]
pub(super) struct NodeAnswer {
    /// Of the queue.
    pub backlog: Backlog,
    /// Whether it is in a cluster of most of the brokers.
    pub is_of_most: bool,
}

/// Whether `count` is more than half of `replicas`.
pub(super) fn are_most(count: usize, replicas: i32) -> bool {
    i32::try_from(count).is_ok_and(|count| count.saturating_mul(2) > replicas)
}

/// Asks one node after the other, the `preferred` first, until one answers that is in a cluster of most of them; that one is
/// preferred from then on. What a node outside of such a cluster says counts only if no other answers: a stack that grows
/// begins with one node.
pub(super) async fn first_of_most<Asked>(
    replicas: i32,
    preferred: &mut i32,
    ask: impl Fn(i32) -> Asked,
) -> Result<Backlog, Unreadable>
where
    Asked: Future<Output = Result<NodeAnswer, Unreadable>>,
{
    let first = *preferred;
    let mut other = None;
    let mut failed = None;
    for step in 0..replicas {
        let ordinal = (first + step) % replicas;
        let deadline = if step == 0 { PREFERRED } else { OTHER };
        let silent = || Unreadable::Unreachable("no answer in time".to_owned());
        let answer = tokio::time::timeout(deadline, ask(ordinal)).await;
        match answer.unwrap_or_else(|_| Err(silent())) {
            Ok(NodeAnswer { backlog, is_of_most: true }) => {
                *preferred = ordinal;
                return Ok(backlog);
            }
            Ok(NodeAnswer { backlog, is_of_most: false }) => other = other.or(Some(backlog)),
            Err(Unreadable::Unreachable(why)) => {
                failed = failed.or(Some(Unreadable::Unreachable(why)));
            }
            // The others have the same users and queues.
            Err(error) => return Err(error),
        }
    }
    other.ok_or_else(|| failed.unwrap_or(Unreadable::NotYet))
}

#[cfg(test)]
mod tests {
    use super::{NodeAnswer, are_most, first_of_most};
    use crate::autoscaling::{poller::Backlog, sample::Unreadable};

    type Answer = Result<NodeAnswer, Unreadable>;

    #[expect(clippy::unnecessary_wraps, reason = "one of two answers, beside `away`")]
    fn says(messages: u64, is_of_most: bool) -> Answer {
        Ok(NodeAnswer { backlog: Backlog { messages, consumers: 1 }, is_of_most })
    }

    fn away() -> Answer {
        Err(Unreadable::Unreachable("refused".to_owned()))
    }

    /// The outcome in messages, and who is preferred afterwards.
    async fn read(preferred: i32, answers: [Answer; 3]) -> (Result<u64, Unreadable>, i32) {
        let mut preferred = preferred;
        let ask = |ordinal| {
            let answer = answers[usize::try_from(ordinal).unwrap()].clone();
            async move { answer }
        };
        let read = first_of_most(3, &mut preferred, ask).await;
        (read.map(|backlog| backlog.messages), preferred)
    }

    #[tokio::test]
    async fn a_node_that_is_away_is_passed_over_from_then_on() {
        assert_eq!(read(0, [away(), says(7, true), says(7, true)]).await, (Ok(7), 1));
        assert_eq!(read(1, [away(), says(7, true), says(7, true)]).await, (Ok(7), 1));
        assert_eq!(read(2, [says(7, true), says(7, true), away()]).await, (Ok(7), 0));
    }

    #[tokio::test]
    async fn a_node_with_a_cluster_of_its_own_is_not_believed_beside_the_others() {
        assert_eq!(read(0, [says(0, false), says(7, true), says(7, true)]).await, (Ok(7), 1));
        assert_eq!(read(0, [says(0, false), away(), says(7, true)]).await, (Ok(7), 2));
    }

    #[tokio::test]
    async fn a_stack_that_grows_is_read_at_its_only_node() {
        assert_eq!(read(0, [says(7, false), away(), away()]).await, (Ok(7), 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_that_is_silent_costs_less_than_the_poller_waits() {
        let begin = tokio::time::Instant::now();
        let mut preferred = 0;
        let ask = |ordinal| async move {
            if ordinal < 2 {
                std::future::pending::<()>().await;
            }
            says(7, true)
        };
        assert_eq!(first_of_most(3, &mut preferred, ask).await.unwrap().messages, 7);
        assert!(begin.elapsed() < std::time::Duration::from_secs(4));
    }

    #[tokio::test]
    async fn what_every_node_would_say_is_the_answer_and_silence_of_all_is_an_error() {
        let (missing, _) = read(0, [Err(Unreadable::QueueMissing), says(7, true), says(7, true)]).await;
        assert_eq!(missing, Err(Unreadable::QueueMissing));
        let (silent, _) = read(0, [away(), away(), away()]).await;
        assert_eq!(silent, Err(Unreadable::Unreachable("refused".to_owned())));
    }

    #[test]
    fn half_is_not_most() {
        assert!(are_most(1, 1) && are_most(2, 3) && are_most(3, 5));
        assert!(!are_most(1, 3) && !are_most(2, 5) && !are_most(0, 1));
    }
}
