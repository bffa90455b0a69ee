//! Events in a case's namespace.

use std::time::Duration;

use k8s_openapi::api::core::v1::Event;
use kube::api::ListParams;

use crate::{
    case::Case,
    wait::{chain, eventually, seen},
};

impl Case {
    /// Waits for an Event with this reason whose message contains `text`.
    pub async fn wait_event(&self, reason: &str, text: &str, deadline: Duration) {
        eventually(format!("an Event {reason} with '{text}'"), deadline, async || {
            let selector = ListParams::default().fields(&format!("reason={reason}"));
            let events = self.api::<Event>().list(&selector).await.map_err(chain)?.items;
            let messages: Vec<String> = events.into_iter().filter_map(|event| event.message).collect();
            seen(messages.iter().any(|message| message.contains(text)), || format!("{messages:?}"))
        })
        .await;
    }
}
