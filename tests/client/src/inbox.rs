//! The mails of one load, as Mailpit lists them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;

use crate::{call::Caller, ledger::Mail, plan::LoadPlan};

/// Mails on a page of Mailpit's list.
const PAGE: usize = 200;

/// What was read so far.
#[derive(Debug)]
pub struct Inbox {
    plan: LoadPlan,
    caller: Caller,
    read: Mutex<Read>,
}

#[derive(Debug, Default)]
struct Read {
    ids: BTreeSet<String>,
    /// In the order in which they came.
    mails: Vec<Mail>,
    by_address: BTreeMap<String, Vec<usize>>,
}

/// A mail with the id that Mailpit gave it: each copy has its own.
#[derive(Debug, PartialEq, Eq)]
pub struct Listed {
    /// Mailpit's own id.
    pub id: String,
    pub mail: Mail,
}

impl Inbox {
    /// Nothing read yet.
    #[must_use]
    pub fn new(plan: LoadPlan, caller: Caller) -> Self {
        Self { plan, caller, read: Mutex::default() }
    }

    /// Reads what is new: the newest pages, until one has nothing new.
    pub async fn refresh(&self) -> Result<(), String> {
        self.read_pages(|page| page.iter().all(|listed| self.read().ids.contains(&listed.id))).await
    }

    /// Reads all pages: one that came late may stand far down the list.
    pub async fn read_everything(&self) -> Result<(), String> {
        self.read_pages(|_| false).await
    }

    /// Different mails to `address` so far, the newest last.
    #[must_use]
    pub fn codes(&self, address: &str) -> Vec<String> {
        let read = self.read();
        let mut seen = BTreeSet::new();
        let numbers = read.by_address.get(address).map(Vec::as_slice).unwrap_or_default();
        let mails = numbers.iter().map(|number| &read.mails[*number]);
        mails.filter(|mail| seen.insert(&mail.message_id)).map(|mail| mail.code.clone()).collect()
    }

    /// Every mail so far, copies included.
    #[must_use]
    pub fn mails(&self) -> Vec<Mail> {
        self.read().mails.clone()
    }

    /// Nothing is kept before the last page was read: after an error in between, the next time must not stop too early.
    async fn read_pages(&self, is_last: impl Fn(&[Listed]) -> bool) -> Result<(), String> {
        let mut found = Vec::new();
        for start in (0..).step_by(PAGE) {
            let url = format!("{}/api/v1/messages?start={start}&limit={PAGE}", self.plan.mailpit);
            let answer = self.caller.get(url).await?;
            let page = listed(&answer);
            let ends = page.len() < PAGE || is_last(&page);
            found.extend(page);
            if ends {
                break;
            }
        }
        let own = found.into_iter().rev().filter(|listed| self.plan.is_own(&listed.mail.address));
        let mut read = self.read();
        for Listed { id, mail } in own {
            if read.ids.insert(id) {
                let number = read.mails.len();
                read.by_address.entry(mail.address.clone()).or_default().push(number);
                read.mails.push(mail);
            }
        }
        Ok(())
    }

    fn read(&self) -> MutexGuard<'_, Read> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The entries of a page, the newest first.
#[must_use]
pub fn listed(page: &Value) -> Vec<Listed> {
    let messages = page["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    messages.iter().filter_map(one).collect()
}

fn one(message: &Value) -> Option<Listed> {
    let mail = Mail {
        address: message["To"][0]["Address"].as_str()?.to_owned(),
        message_id: message["MessageID"].as_str()?.to_owned(),
        code: code_in(message["Snippet"].as_str()?).unwrap_or_default().to_owned(),
    };
    Some(Listed { id: message["ID"].as_str()?.to_owned(), mail })
}

/// The first run of exactly six digits.
fn code_in(text: &str) -> Option<&str> {
    text.split(|c: char| !c.is_ascii_digit()).find(|digits| digits.len() == 6)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_page_is_read_with_recipient_message_id_and_code() {
        let page = json!({ "messages": [
            { "ID": "b", "MessageID": "2", "To": [{ "Address": "a@x.org" }], "Snippet": "Your OTP code is 482931. It is valid" },
            { "ID": "a", "MessageID": "1", "To": [], "Snippet": "" },
        ]});
        let mail = Mail { address: "a@x.org".into(), message_id: "2".into(), code: "482931".into() };
        assert_eq!(listed(&page), [Listed { id: "b".into(), mail }]);
    }

    #[test]
    fn a_longer_number_is_no_code() {
        assert_eq!(code_in("Call 4829310 or 12345."), None);
    }
}
