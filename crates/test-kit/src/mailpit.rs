//! What arrived at the real Mailpit.

use std::time::Duration;

use serde_json::Value;

use crate::servers::{MailServer, shared_mail_server};
use crate::wait::wait_for;

/// The inbox of one Mailpit, which many tests share: ask for one address.
#[derive(Debug, Clone)]
pub struct Mailpit {
    client: reqwest::Client,
    server: MailServer,
}

impl Mailpit {
    #[must_use]
    pub fn shared() -> Self {
        Self { client: crate::http_client(), server: shared_mail_server() }
    }

    /// Where it takes mail.
    #[must_use]
    pub fn server(&self) -> &MailServer {
        &self.server
    }

    /// Mailpit's own description of all messages to `address`, newest first: `ID`, `MessageID`, `Subject`, `To`, …
    ///
    /// # Panics
    /// When Mailpit does not answer.
    pub async fn messages_to(&self, address: &str) -> Vec<Value> {
        let query = [("query", format!("to:\"{address}\"")), ("limit", "1000".to_owned())];
        let mut answer = self.json("/api/v1/search", &query).await;
        let Some(Value::Array(mut messages)) = answer.get_mut("messages").map(Value::take) else {
            return Vec::new();
        };
        // Mailpit's search also finds addresses that end the same.
        messages.retain(|message| is_to(message, address));
        messages
    }

    /// Waits for the first message to `address`, and returns it with its `Text` and `HTML`.
    ///
    /// # Panics
    /// When none came before the deadline.
    pub async fn wait_for_message(&self, address: &str, deadline: Duration) -> Value {
        let id = wait_for(&format!("a mail to {address}"), deadline, || async {
            let messages = self.messages_to(address).await;
            messages.first().and_then(|message| message["ID"].as_str().map(str::to_owned))
        })
        .await;
        self.json(&format!("/api/v1/message/{id}"), &[]).await
    }

    async fn json(&self, path: &str, query: &[(&str, String)]) -> Value {
        let parameters: Vec<String> =
            query.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        let url = format!("{}{path}?{}", self.server.url, parameters.join("&"));
        let answer = async { self.client.get(url).send().await?.error_for_status()?.json().await };
        answer.await.unwrap_or_else(|error| panic!("Mailpit did not answer: {error}"))
    }
}

fn is_to(message: &Value, address: &str) -> bool {
    let recipients = message["To"].as_array().map(Vec::as_slice).unwrap_or_default();
    recipients.iter().any(|recipient| recipient["Address"] == address)
}

/// All but letters and digits as `%XX`.
fn escaped(value: &str) -> String {
    let escape = |byte: u8| match byte {
        b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    value.bytes().map(escape).collect()
}

/// The six-digit code in a mail's text, which is the first run of six digits.
#[must_use]
pub fn code_in(text: &str) -> Option<&str> {
    text.split(|c: char| !c.is_ascii_digit()).find(|digits| digits.len() == 6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_found_in_the_text() {
        assert_eq!(code_in("Your OTP code is 482931. It is valid for 5 minutes."), Some("482931"));
        assert_eq!(code_in("Call 4829310 or 12345."), None);
    }

    #[test]
    fn a_query_is_escaped() {
        assert_eq!(escaped("to:\"a+b@x.org\""), "to%3A%22a%2Bb%40x%2Eorg%22");
    }
}
