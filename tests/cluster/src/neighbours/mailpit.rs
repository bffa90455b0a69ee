//! What arrived at the case's Mailpit.

use std::collections::BTreeSet;

use serde_json::Value;
use test_client::{inbox::listed, ledger::Mail};

use crate::{case::Case, deadline, wait::eventually};

/// Its API, for the API server's proxy.
const MAILPIT: &str = "services/mailpit:8025";

impl Case {
    /// The mails to an address, copies included, the newest first.
    pub async fn mails_to(&self, address: &str) -> Vec<Mail> {
        self.look_for_mails(address).await.unwrap_or_else(|error| panic!("Mailpit did not answer: {error}"))
    }

    /// The code in the newest mail to an address, once there are at least `count` different mails.
    pub async fn mailed_code(&self, address: &str, count: usize) -> String {
        eventually(format!("mail {count} to {address}"), deadline::MAIL, async || {
            let mails = self.look_for_mails(address).await?;
            let mut ids: Vec<&str> = mails.iter().map(|mail| mail.message_id.as_str()).collect();
            ids.sort_unstable();
            ids.dedup();
            let newest = mails.first().filter(|_| ids.len() >= count);
            newest.map(|mail| mail.code.clone()).ok_or_else(|| format!("{} mails", ids.len()))
        })
        .await
    }

    /// Every address that has a mail, once, in alphabetical order.
    pub async fn mailed_addresses(&self) -> Vec<String> {
        let page = self.ask_pod_of_case(MAILPIT, "GET api/v1/messages?limit=50000", Vec::new()).await;
        let page: Value = page.unwrap_or_else(|error| panic!("Mailpit did not answer: {error}"));
        let addresses = listed(&page).into_iter().map(|listed| listed.mail.address);
        addresses.collect::<BTreeSet<_>>().into_iter().collect()
    }

    async fn look_for_mails(&self, address: &str) -> Result<Vec<Mail>, String> {
        let path = format!("GET api/v1/search?query=to:%22{}%22&limit=1000", escaped(address));
        let page: Value = self.ask_pod_of_case(MAILPIT, &path, Vec::new()).await?;
        // Mailpit also finds addresses that end the same.
        Ok(listed(&page)
            .into_iter()
            .map(|listed| listed.mail)
            .filter(|mail| mail.address == address)
            .collect())
    }
}

fn escaped(address: &str) -> String {
    address.replace('+', "%2B").replace('@', "%40")
}
