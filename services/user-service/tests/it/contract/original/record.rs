//! The files of `data`.

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Answer, comparable};
use crate::support::repository;

/// Parts of an answer by name.
pub(super) type Fields = BTreeMap<String, Value>;

/// One file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    /// The name of the user before the first request.
    pub(super) user: String,
    pub(super) requests: Vec<Record>,
    differences: Vec<Difference>,
}

/// A request, and what the original answered.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    pub(super) name: String,
    /// As it was sent; `{{x*100}}` stands for 100 times `x`.
    request: Option<String>,
    /// The same where it is not text.
    request_base64: Option<String>,
    status: u16,
    /// `html: …` where the answer was a page of Express.
    message: String,
    /// The CORS headers.
    headers: BTreeMap<String, String>,
}

/// Answers of ours that differ from the original's in the same way.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Difference {
    reason: String,
    /// What we answer, in the fields that differ. Null: we do not send this header.
    ours: Fields,
    requests: Vec<String>,
}

impl Group {
    /// Reads a file, and checks that its list of differences names each request once, with a reason.
    pub(super) fn read(name: &str) -> Self {
        let folder = "services/user-service/tests/it/contract/original/data";
        let path = repository().join(folder).join(format!("{name}.json"));
        let group: Self = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let mut seen = Vec::new();
        for difference in &group.differences {
            assert!(difference.reason.ends_with('.'), "not a sentence: {}", difference.reason);
            for name in &difference.requests {
                assert!(group.requests.iter().any(|record| record.name == *name), "no request: {name}");
                assert!(!seen.contains(&name), "listed twice: {name}");
                seen.push(name);
            }
        }
        group
    }

    /// How our answer to this request differs, as the file has it.
    pub(super) fn listed(&self, name: &str) -> Fields {
        let of = |difference: &&Difference| difference.requests.iter().any(|listed| listed == name);
        self.differences.iter().find(of).map(|difference| difference.ours.clone()).unwrap_or_default()
    }
}

impl Record {
    /// The request with its placeholders replaced.
    pub(super) fn octets(&self, values: &[(&str, &str)]) -> Vec<u8> {
        if let Some(text) = &self.request {
            return replace(&repeat(text), values).into_bytes();
        }
        let octets = BASE64_STANDARD.decode(self.request_base64.as_ref().unwrap()).unwrap();
        // The placeholders stand in the header, which is ASCII.
        let end = octets.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let (head, body) = octets.split_at(end);
        let head = head.iter().map(|octet| char::from(*octet)).collect::<String>();
        let head = replace(&head, values).chars().map(|c| u8::try_from(c).unwrap()).collect::<Vec<_>>();
        [&head, body].concat()
    }

    /// The fields of our answer that are not the original's.
    pub(super) fn difference(&self, ours: &Answer) -> Fields {
        let mut theirs = Fields::from([
            ("status".to_owned(), json!(self.status)),
            ("message".to_owned(), json!(repeat(&self.message))),
        ]);
        theirs.extend(self.headers.iter().map(|(name, value)| (name.clone(), comparable(value))));
        let mut ours = ours.fields();
        // A list that names more headers only makes caches more careful.
        let varies =
            |fields: &Fields| fields.get("vary").and_then(Value::as_array).cloned().unwrap_or_default();
        if varies(&theirs).iter().all(|name| varies(&ours).contains(name)) {
            theirs.remove("vary");
            ours.remove("vary");
        }
        let empty = |value: Option<&Value>| value.is_none_or(|value| *value == json!([]));
        let names = theirs.keys().chain(ours.keys()).cloned().collect::<std::collections::BTreeSet<_>>();
        let differs = |name: &String| {
            let (their, our) = (theirs.get(name), ours.get(name));
            their != our && !(empty(their) && empty(our))
        };
        names
            .into_iter()
            .filter(differs)
            .map(|name| (name.clone(), ours.get(&name).cloned().into()))
            .collect()
    }
}

fn replace(text: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
}

/// `{{x*100}}` as 100 times `x`.
fn repeat(text: &str) -> String {
    let mut parts = text.split("{{");
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let repeated = part.split_once("}}").and_then(|(inside, rest)| {
            let (octet, times) = inside.split_once('*')?;
            Some((octet.repeat(times.parse().ok()?), rest))
        });
        match repeated {
            Some((run, rest)) => whole.extend([&run, rest]),
            None => whole.extend(["{{", part]),
        }
    }
    whole
}
