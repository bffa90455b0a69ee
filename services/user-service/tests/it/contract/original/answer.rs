//! An answer as it came over the connection, reduced to what a client of the original can see.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::record::Fields;

/// Status, message and CORS headers of an answer.
#[derive(Debug, Default)]
pub(super) struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

impl Answer {
    /// Reads the last response in these octets: a `100 Continue` may come before it.
    pub(super) fn parse(octets: &[u8]) -> Self {
        let text = String::from_utf8_lossy(octets);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { return Self::default() };
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or_default();
        if (100..200).contains(&status) {
            return Self::parse(body.as_bytes());
        }
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
        Self { status, headers: headers.collect(), body: body.to_owned() }
    }

    /// Every error of ours with a body is `application/problem+json`, whatever the original sent.
    pub(super) fn assert_errors_are_problems(&self, name: &str) {
        let kind = self.headers.get("content-type").map(String::as_str);
        let expected = if self.status < 400 { "application/json" } else { "application/problem+json" };
        assert!(self.body.is_empty() || kind == Some(expected), "{name}: {self:?}");
    }

    /// The same in the form of the record.
    pub(super) fn fields(&self) -> Fields {
        let mut fields = Fields::from([
            ("status".to_owned(), self.status.into()),
            ("message".to_owned(), self.message().into()),
        ]);
        for (name, value) in &self.headers {
            if name == "vary" || name.starts_with("access-control-allow-") {
                fields.insert(name.clone(), comparable(value));
            }
        }
        fields
    }

    fn message(&self) -> String {
        if self.body.is_empty() {
            return "(no body)".to_owned();
        }
        let body: Value = serde_json::from_str(&self.body).unwrap_or_default();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        if body["users"].is_array() {
            return "users".to_owned();
        }
        text(&body["message"])
            .or_else(|| Some(format!("user:{}", text(&body["user"]["name"])?)))
            .unwrap_or_else(|| self.body.clone())
    }
}

/// A header's value, whatever the order and the letter case of its list.
pub(super) fn comparable(value: &str) -> Value {
    let members = value.split(',').map(|member| member.trim().to_ascii_lowercase());
    members.filter(|member| !member.is_empty()).collect::<BTreeSet<_>>().into_iter().collect()
}
