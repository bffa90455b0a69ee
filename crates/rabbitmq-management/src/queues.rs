//! The queues of a broker with their members: which can lose a node, and what they hold.

use crate::{
    fields::Fields,
    management::{Error, Management, segment},
};

/// A queue as a node of its broker reports it. Each field may be missing, as while the queue has no leader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    pub vhost: String,
    pub name: String,
    /// `quorum`, `stream` or `classic`.
    pub kind: Option<String>,
    /// The node of its leader; a queue without one neither takes nor gives messages.
    pub leader: Option<String>,
    /// The nodes that have a copy.
    pub members: Option<Vec<String>>,
    /// The nodes whose copy is up, by the broker's current knowledge and by its statistics.
    pub online: Option<Vec<String>>,
    /// Messages that wait or are with a consumer.
    pub messages: Option<i64>,
    /// Subscribed consumers.
    pub consumers: Option<i64>,
}

impl Queue {
    /// Whether it has copies on several nodes that vote.
    #[must_use]
    pub fn is_replicated(&self) -> bool {
        self.kind.as_deref() != Some("classic")
    }

    /// How many members are up; `None` if the broker leaves one of both lists out.
    #[must_use]
    pub fn members_online(&self) -> Option<usize> {
        let online = self.online.as_ref()?;
        Some(self.members.as_ref()?.iter().filter(|member| online.contains(member)).count())
    }
}

/// The queues of one vhost, or of all that the user can see.
pub async fn queues(management: &Management, vhost: Option<&str>) -> Result<Vec<Queue>, Error> {
    const COLUMNS: &str = "vhost,name,type,leader,members,online,messages,consumers";
    let path = vhost.map_or_else(|| "queues".to_owned(), |vhost| format!("queues/{}", segment(vhost)));
    let path = format!("{path}?columns={COLUMNS}");
    let answers = management.get::<Vec<Fields>>(&path).await?.unwrap_or_default();
    answers.iter().map(|answer| read(answer).ok_or_else(|| Error::Malformed(path.clone()))).collect()
}

fn read(fields: &Fields) -> Option<Queue> {
    Some(Queue {
        vhost: fields.first("vhost")?,
        name: fields.first("name")?,
        kind: fields.first("type"),
        leader: fields.first("leader").filter(|leader: &String| !leader.is_empty()),
        members: fields.first("members"),
        online: fields.common("online"),
        messages: fields.first("messages"),
        consumers: fields.first("consumers"),
    })
}

#[cfg(test)]
mod tests {
    use super::{Queue, read};

    fn queue(text: &str) -> Queue {
        read(&serde_json::from_str(text).unwrap()).unwrap()
    }

    #[test]
    fn a_member_counts_as_online_only_by_current_knowledge_and_by_statistics() {
        let queue = queue(
            r#"{"vhost":"ping","name":"send-otp","type":"quorum","leader":"a","members":["a","b","c"],
                "online":["a","b"],"online":["a","b","c"],"messages":3,"consumers":1}"#,
        );
        assert_eq!(queue.members_online(), Some(2));
        assert!(queue.is_replicated());
    }

    #[test]
    fn a_queue_without_a_leader_says_so_and_nothing_is_guessed() {
        for text in [
            r#"{"vhost":"ping","name":"send-otp","type":"quorum","members":["a","b","c"]}"#,
            r#"{"vhost":"ping","name":"send-otp","type":"quorum","leader":"","online":["a"]}"#,
        ] {
            let queue = queue(text);
            assert_eq!((queue.leader.clone(), queue.messages, queue.members_online()), (None, None, None));
        }
    }
}
