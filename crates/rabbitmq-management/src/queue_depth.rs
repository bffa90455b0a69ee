//! How many messages a queue holds. A number that is not certain is an error here, never 0: who scales by it would
//! take consumers away while mail waits.
//!
//! Seen on 4.0.5: for some seconds after a queue starts the broker leaves the counts out; with `disable_stats` and
//! `enable_queue_totals` it says 0 in the same seconds, whatever the queue holds. Hence the plain form of the call.

use crate::{
    fields::Fields,
    management::{Error, Management, segment},
};

/// What a queue holds, all of it certain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueDepth {
    /// Messages that wait.
    pub ready: u64,
    /// Messages that a consumer has and has not answered.
    pub unacknowledged: u64,
    /// Subscribed consumers.
    pub consumers: u64,
    /// How many nodes have a copy of the queue.
    pub members: usize,
}

/// Why the depth is unknown.
#[derive(Debug, thiserror::Error)]
pub enum DepthError {
    #[error(transparent)]
    Management(#[from] Error),
    /// The broker has no such queue, or no such vhost.
    #[error("the broker has no queue {0}")]
    Missing(String),
    /// Its leader is away, or the queue is being stopped.
    #[error("the queue {0} is not running: see whether its brokers are up")]
    NotRunning(String),
    /// Too few members to agree on anything.
    #[error("only {online} of the {members} members of the queue {queue} are up: start the other brokers")]
    Minority {
        queue: String,
        /// Members that are up.
        online: usize,
        /// All members.
        members: usize,
    },
    /// A field is not there, as in the first seconds of a queue or while its leader is away.
    #[error("the broker has not reported the depth of the queue {0} yet")]
    Incomplete(String),
}

/// Asks the broker what `queue` in `vhost` holds. The numbers are up to 5 s old, the broker's own interval.
pub async fn queue_depth(
    management: &Management,
    vhost: &str,
    queue: &str,
) -> Result<QueueDepth, DepthError> {
    const COLUMNS: &str = "messages_ready,messages_unacknowledged,consumers,state,members,online";
    let path = format!("queues/{}/{}?columns={COLUMNS}", segment(vhost), segment(queue));
    let answer = management.get::<Fields>(&path).await?;
    depth(queue, &answer.ok_or_else(|| DepthError::Missing(queue.to_owned()))?)
}

/// Each field may be missing, which is not the same as 0.
fn depth(queue: &str, answer: &Fields) -> Result<QueueDepth, DepthError> {
    let incomplete = || DepthError::Incomplete(queue.to_owned());
    if answer.first::<String>("state").ok_or_else(incomplete)? != "running" {
        return Err(DepthError::NotRunning(queue.to_owned()));
    }
    let members = answer.first::<Vec<String>>("members").ok_or_else(incomplete)?;
    let online = answer.common("online").ok_or_else(incomplete)?;
    let up = members.iter().filter(|member| online.contains(member)).count();
    if up * 2 <= members.len() {
        return Err(DepthError::Minority { queue: queue.to_owned(), online: up, members: members.len() });
    }
    Ok(QueueDepth {
        ready: answer.first("messages_ready").ok_or_else(incomplete)?,
        unacknowledged: answer.first("messages_unacknowledged").ok_or_else(incomplete)?,
        consumers: answer.first("consumers").ok_or_else(incomplete)?,
        members: members.len(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{DepthError, QueueDepth, depth};

    fn read(changes: &[(&str, Value)]) -> Result<QueueDepth, DepthError> {
        let mut answer = json!({
            "messages_ready": 7, "messages_unacknowledged": 2, "consumers": 1, "state": "running",
            "members": ["a", "b", "c"], "online": ["a", "b"],
        });
        for (field, value) in changes {
            answer[field] = value.clone();
        }
        depth("send-otp", &serde_json::from_value(answer).unwrap())
    }

    #[test]
    fn a_running_queue_with_most_members_up_has_a_depth() {
        assert_eq!(read(&[]).unwrap(), QueueDepth { ready: 7, unacknowledged: 2, consumers: 1, members: 3 });
    }

    #[test]
    fn every_field_that_is_missing_makes_the_depth_unknown() {
        for field in ["messages_ready", "messages_unacknowledged", "consumers", "state", "members", "online"]
        {
            assert!(matches!(read(&[(field, Value::Null)]), Err(DepthError::Incomplete(_))), "{field}");
        }
    }

    /// As 4.0.5 answers for some seconds after a node came or went.
    #[test]
    fn a_field_that_the_broker_writes_twice_does_not_make_the_answer_unreadable() {
        let answer = r#"{"messages_ready":7,"messages_unacknowledged":2,"consumers":1,"state":"running",
            "members":["a","b","c"],"online":["a","b"],"online":["a","b","c"]}"#;
        assert_eq!(depth("send-otp", &serde_json::from_str(answer).unwrap()).unwrap().ready, 7);
    }

    #[test]
    fn a_queue_that_is_not_running_has_no_depth() {
        for state in ["down", "stopped", "minority"] {
            assert!(matches!(read(&[("state", json!(state))]), Err(DepthError::NotRunning(_))), "{state}");
        }
    }

    #[test]
    fn half_of_the_members_is_a_minority_and_strangers_do_not_count() {
        let cases = [
            (json!(["a", "b"]), json!(["a"])),
            (json!(["a", "b", "c"]), json!(["a", "x"])),
            (json!([]), json!([])),
        ];
        for (members, online) in cases {
            let error = read(&[("members", members.clone()), ("online", online)]).unwrap_err();
            assert!(matches!(error, DepthError::Minority { .. }), "{members}: {error}");
        }
    }
}
