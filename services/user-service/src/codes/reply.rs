//! Reading what a script returns, and writing what it is given.

use redis::Value;

pub(super) fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

pub(super) fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => str::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}

pub(super) fn number(value: &Value) -> Option<i64> {
    if let Value::Int(number) = value { Some(*number) } else { None }
}

pub(super) fn numbers(values: &[Value]) -> Option<Vec<i64>> {
    values.iter().map(number).collect()
}

/// The numbers of a text, separated by spaces.
pub(super) fn numbers_in(text: &str) -> Option<Vec<i64>> {
    text.split_ascii_whitespace().map(|number| number.parse().ok()).collect()
}
