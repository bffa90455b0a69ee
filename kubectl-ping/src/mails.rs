//! `mails`: what could not be delivered, and why. The notes hold no code, and addresses masked.

use anyhow::{Result, bail};
use serde_json::Value;

use crate::arguments::Mails;
use crate::peek::{Broker, Message, PARKING_QUEUE};

pub(crate) async fn run(arguments: &Mails) -> Result<()> {
    let cluster = &arguments.target.cluster;
    let stack = arguments.target.stack().await?;
    let object = cluster.json(&["get", "pingstack", &stack]).await?;
    if !object["spec"]["rabbitmq"]["external"].is_null() {
        bail!(
            "the broker of {stack} is not the operator's: look into the queue {PARKING_QUEUE} with the broker's own tools"
        );
    }
    let broker = Broker { cluster, stack: &stack };
    let count = broker.depth(PARKING_QUEUE).await?;
    println!("{}", heading(count));
    let limit = arguments.limit.min(u32::try_from(count).unwrap_or(u32::MAX));
    for position in 1..=limit {
        let Some(message) = broker.peek(PARKING_QUEUE, position).await? else { break };
        println!("{}", line(&message));
    }
    if u64::from(limit) < count {
        println!("and {} more: --limit shows up to 100", count - u64::from(limit));
    }
    Ok(())
}

fn heading(count: u64) -> String {
    match count {
        0 => "no mail is parked".to_owned(),
        1 => "1 mail is parked, without its code".to_owned(),
        count => format!("{count} mails are parked, without their codes; the oldest come first"),
    }
}

fn line(message: &Message) -> String {
    let payload = message.get("payload").and_then(Value::as_str).unwrap_or_default();
    let Ok(note) = serde_json::from_str::<Value>(payload) else {
        return "  a message that is no note of mail-service".to_owned();
    };
    let text = |field: &str| note[field].as_str();
    let why = why(text("reason").unwrap_or_default(), text("after"));
    let phase = text("phase").map(|phase| format!(" in phase {phase}")).unwrap_or_default();
    let answer = text("smtp").map(|smtp| format!(" (the mail server answered {smtp}{phase})"));
    let attempt = note["attempt"].as_u64().filter(|attempt| *attempt > 1);
    let attempts = attempt.map(|attempt| format!(", after {attempt} attempts"));
    let to = text("to").unwrap_or("somebody");
    format!("  {to}: {why}{}{}", answer.unwrap_or_default(), attempts.unwrap_or_default())
}

/// The reasons of mail-service in plain words.
fn why(reason: &str, after: Option<&str>) -> String {
    let words = match reason {
        "refused" => "the mail server refuses this recipient or message",
        "gave_up" => {
            let last = after.map(|after| format!(", last because of: {}", after.replace('_', " ")));
            return format!("it was tried until its code was about to expire{}", last.unwrap_or_default());
        }
        "delivered_too_often" => "it came back again and again: whatever handles it may crash",
        "bad_recipient" => "its recipient is not an address",
        "unwritable" => "its recipient does not fit into an SMTP command",
        "unknown_version" => "it is of a version that this mail-service does not know",
        "too_large" | "bad_id" | "malformed" => "it is not a mail event",
        other => return other.replace('_', " "),
    };
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{heading, line};

    fn note(note: &Value) -> String {
        line(json!({ "payload": note.to_string() }).as_object().unwrap())
    }

    #[test]
    fn each_parked_mail_is_one_line_that_says_why() {
        let refused = json!({
            "v": 1, "reason": "refused", "smtp": "550 5.1.1", "phase": "rcpt", "to": "a***@example.org", "attempt": 1,
        });
        assert_eq!(
            note(&refused),
            "  a***@example.org: the mail server refuses this recipient or message (the mail server answered 550 5.1.1 in \
             phase rcpt)"
        );
        let gave_up =
            json!({ "reason": "gave_up", "after": "timed_out", "to": "b***@example.org", "attempt": 9 });
        assert_eq!(
            note(&gave_up),
            "  b***@example.org: it was tried until its code was about to expire, last because of: timed out, after 9 attempts"
        );
        assert_eq!(
            note(&json!({ "reason": "malformed", "attempt": 1 })),
            "  somebody: it is not a mail event"
        );
        assert_eq!(note(&json!({ "reason": "a_later_one" })), "  somebody: a later one");
    }

    #[test]
    fn what_is_no_note_is_not_printed() {
        let line = line(json!({ "payload": "Your OTP Code 482931" }).as_object().unwrap());
        assert_eq!(line, "  a message that is no note of mail-service");
        assert_eq!(heading(0), "no mail is parked");
    }
}
