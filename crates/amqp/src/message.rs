//! What is published.

use lapin::{
    BasicProperties,
    types::{AMQPValue, FieldTable},
};

/// One message. It is always persistent and mandatory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Must exist; see [`crate::PublisherOptions::exchanges`].
    pub exchange: &'static str,
    /// The queue's name on Ping's exchanges.
    pub routing_key: String,
    /// Names the message in logs and returns.
    pub message_id: String,
    /// JSON.
    pub body: Vec<u8>,
    /// Names and values.
    pub headers: Vec<(&'static str, HeaderValue)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderValue {
    /// AMQP's long-int.
    I32(i32),
    /// AMQP's long-long-int.
    I64(i64),
    /// AMQP's long-string.
    Text(String),
}

impl From<i32> for HeaderValue {
    fn from(value: i32) -> Self {
        Self::I32(value)
    }
}

impl From<i64> for HeaderValue {
    fn from(value: i64) -> Self {
        Self::I64(value)
    }
}

impl From<&str> for HeaderValue {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<HeaderValue> for AMQPValue {
    fn from(value: HeaderValue) -> Self {
        match value {
            HeaderValue::I32(number) => Self::LongInt(number),
            HeaderValue::I64(number) => Self::LongLongInt(number),
            HeaderValue::Text(text) => Self::LongString(text.into()),
        }
    }
}

/// AMQP's delivery mode of a message that survives a restart.
pub(crate) const PERSISTENT: u8 = 2;

pub(crate) fn properties(message_id: &str, headers: Vec<(&'static str, HeaderValue)>) -> BasicProperties {
    let mut table = FieldTable::default();
    for (name, value) in headers {
        table.insert(name.into(), value.into());
    }
    BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_content_type("application/json".into())
        .with_message_id(message_id.into())
        .with_headers(table)
}
