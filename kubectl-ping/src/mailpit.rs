//! The mails that Mailpit keeps.

use anyhow::{Context, Result};
use reqwest::Client;
use serde_json::Value;

use crate::http;

#[derive(Debug)]
pub(crate) struct Mailpit {
    pub(crate) client: Client,
    pub(crate) url: String,
}

impl Mailpit {
    /// The id of the newest mail to the address.
    pub(crate) async fn newest(&self, address: &str) -> Result<Option<String>> {
        let query = format!("to:\"{address}\"");
        let request = self.client.get(format!("{}/api/v1/search", self.url)).query(&[("query", query)]);
        let found = self.get(request).await?;
        Ok(newest_to(&found, address))
    }

    pub(crate) async fn text(&self, id: &str) -> Result<String> {
        let request = self.client.get(format!("{}/api/v1/message/{id}", self.url));
        Ok(self.get(request).await?["Text"].as_str().unwrap_or_default().to_owned())
    }

    async fn get(&self, request: reqwest::RequestBuilder) -> Result<Value> {
        let response = http::send(request).await;
        response
            .and_then(|response| response.ok("the search for the mail"))
            .with_context(|| format!("Mailpit does not answer at {}", self.url))
    }
}

/// Mailpit also finds addresses that end the same. Mails go to the address in lower case.
fn newest_to(found: &Value, address: &str) -> Option<String> {
    let address = address.to_ascii_lowercase();
    let mails = found["messages"].as_array()?;
    let mail = mails.iter().find(|mail| {
        mail["To"].as_array().is_some_and(|to| to.iter().any(|entry| entry["Address"] == address.as_str()))
    })?;
    Some(mail["ID"].as_str()?.to_owned())
}

/// The first run of exactly six digits.
pub(crate) fn code_in(text: &str) -> Option<&str> {
    text.split(|character: char| !character.is_ascii_digit()).find(|digits| digits.len() == 6)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{code_in, newest_to};

    #[test]
    fn a_mail_to_an_address_with_the_same_end_is_another_users() {
        let found = json!({ "messages": [
            { "ID": "2", "To": [{ "Address": "not-ada@example.org" }] },
            { "ID": "1", "To": [{ "Address": "ada@example.org" }] },
        ]});
        assert_eq!(newest_to(&found, "Ada@example.org").as_deref(), Some("1"));
        assert_eq!(newest_to(&found, "eve@example.org"), None);
    }

    #[test]
    fn a_longer_number_is_no_code() {
        assert_eq!(code_in("In 2026: 1234567, then 482931."), Some("482931"));
        assert_eq!(code_in("1234567"), None);
    }
}
