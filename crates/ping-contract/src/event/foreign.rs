//! Events of other publishers, which the original services mailed whatever form they had.

use serde_json::{Map, Value};

use super::{EventError, EventId, MailEvent, recipients::Recipients};

/// Reads an event that is not ours. `refused` is why it could not be read as one of ours; an event with a version or an id of
/// our form says that it is, and stays refused.
pub(super) fn parse(
    bytes: &[u8],
    local_domains: &[String],
    refused: EventError,
) -> Result<MailEvent, EventError> {
    let event = serde_json::from_slice::<Map<String, Value>>(bytes).map_err(|_| EventError::Malformed)?;
    let given = |name: &str| event.get(name).filter(|value| !value.is_null());
    let has_our_id = given("id").and_then(Value::as_str).is_some_and(|id| id.parse::<EventId>().is_ok());
    if given("v").is_some() || has_our_id {
        return Err(refused);
    }
    let mut recipients = Recipients::read(given("to").ok_or(EventError::Malformed)?, local_domains);
    if recipients.usable.is_empty() {
        return Err(EventError::Recipient);
    }
    let to = recipients.usable.remove(0);
    Ok(MailEvent {
        id: None,
        to,
        also_to: recipients.usable,
        unusable_recipients: recipients.unusable,
        subject: text(given("subject"))?,
        body: text(given("body"))?,
        purpose: None,
        locale: None,
    })
}

/// A text; one that is missing is empty.
fn text(value: Option<&Value>) -> Result<String, EventError> {
    match value {
        None => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Number(number)) => Ok(number.to_string()),
        Some(Value::Bool(value)) => Ok(value.to_string()),
        Some(_) => Err(EventError::Malformed),
    }
}
