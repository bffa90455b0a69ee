//! Messages of a managed broker's queues, looked at where they are: nothing is taken out or counted as delivered.
//!
//! `rabbitmq-queues peek` reads a quorum queue at a position. The management API would take each message out and put it back,
//! which counts as a delivery, and a message that was delivered too often is dropped.

use anyhow::{Context, Result};
use serde_json::{Map, Value};

use crate::arguments::Cluster;

/// Where mails wait.
pub(crate) const MAIL_QUEUE: &str = "send-otp";
/// Where notes on mails are that could not be delivered.
pub(crate) const PARKING_QUEUE: &str = "send-otp.dead";
/// The vhost of a broker that the operator runs.
const VHOST: &str = "ping";

/// The broker of a stack.
pub(crate) struct Broker<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) stack: &'a str,
}

/// The fields of a message, such as `payload` and `header.x-ping-expires-at`.
pub(crate) type Message = Map<String, Value>;

impl Broker<'_> {
    /// How many messages a queue holds.
    pub(crate) async fn depth(&self, queue: &str) -> Result<u64> {
        let list = [
            "rabbitmqctl",
            "list_queues",
            "--quiet",
            "--vhost",
            VHOST,
            "--formatter",
            "json",
            "name",
            "messages",
        ];
        let printed = self.exec(&list).await?;
        depth(&printed, queue).with_context(|| format!("the broker has no queue {queue}"))
    }

    /// The message at a position, from 1; `None` behind the last one.
    pub(crate) async fn peek(&self, queue: &str, position: u32) -> Result<Option<Message>> {
        let position = position.to_string();
        let peek =
            ["rabbitmq-queues", "peek", "--quiet", "--vhost", VHOST, "--formatter", "json", queue, &position];
        match self.exec(&peek).await {
            Ok(printed) => Ok(fields(&printed)),
            Err(error) if error.to_string().contains("no_message_at_pos") => Ok(None),
            Err(error) if error.to_string().contains("no message at position") => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn exec(&self, command: &[&str]) -> Result<String> {
        let pod = format!("{}-rabbitmq-0", self.stack);
        let exec = ["exec", pod.as_str(), "--container", "rabbitmq", "--"];
        self.cluster.output(&[&exec, command].concat()).await
    }
}

fn depth(printed: &str, queue: &str) -> Option<u64> {
    let queues: Value = serde_json::from_str(printed).ok()?;
    queues.as_array()?.iter().find(|one| one["name"] == queue)?["messages"].as_u64()
}

/// A list of keys and values, or an object of them.
fn fields(printed: &str) -> Option<Message> {
    let parsed: Value = serde_json::from_str(printed.trim()).ok()?;
    match parsed {
        Value::Object(fields) => Some(fields),
        Value::Array(rows) => {
            let field = |row: &Value| {
                let key = row.get("keys").or_else(|| row.get("key"))?.as_str()?.to_owned();
                Some((key, row.get("values").or_else(|| row.get("value"))?.clone()))
            };
            Some(rows.iter().filter_map(field).collect())
        }
        _ => None,
    }
}

/// A number that the broker may print as a text.
pub(crate) fn number(value: Option<&Value>) -> Option<i64> {
    let value = value?;
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{depth, fields, number};

    #[test]
    fn the_depth_is_that_of_the_queue() {
        let printed = r#"[{"name":"send-otp.dead","messages":2},{"name":"send-otp","messages":7}]"#;
        assert_eq!((depth(printed, "send-otp"), depth(printed, "send-otp.dead")), (Some(7), Some(2)));
        assert_eq!((depth(printed, "other"), depth("", "send-otp")), (None, None));
    }

    #[test]
    fn a_message_is_read_in_both_forms() {
        for printed in [
            r#"[{"keys":"payload","values":"{}"},{"keys":"header.x-ping-expires-at","values":1700000000000}]"#,
            r#"{"payload":"{}","header.x-ping-expires-at":"1700000000000"}"#,
        ] {
            let fields = fields(printed).unwrap();
            assert_eq!(fields["payload"], "{}");
            assert_eq!(number(fields.get("header.x-ping-expires-at")), Some(1_700_000_000_000));
        }
        assert_eq!(fields("nothing"), None);
        assert_eq!((number(Some(&json!("x"))), number(None)), (None, None));
    }
}
