//! `load`: many requests for codes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Result;
use reqwest::Client;
use serde_json::json;

use crate::arguments::Load;
use crate::http;

const AT_A_TIME: u32 = 8;

pub(crate) async fn run(arguments: &Load) -> Result<()> {
    let client = http::client()?;
    let taken = Arc::new(AtomicU32::new(0));
    let workers = (0..AT_A_TIME).map(|_| {
        let worker = Worker {
            client: client.clone(),
            url: format!("{}/api/v1/login", arguments.url.trim_end_matches('/')),
            prefix: arguments.prefix.clone(),
            count: arguments.count,
            taken: Arc::clone(&taken),
        };
        tokio::spawn(async move { worker.work().await })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await?;
    }
    Ok(())
}

struct Worker {
    client: Client,
    url: String,
    prefix: String,
    count: u32,
    taken: Arc<AtomicU32>,
}

impl Worker {
    async fn work(&self) {
        loop {
            let number = self.taken.fetch_add(1, Ordering::Relaxed) + 1;
            if number > self.count {
                return;
            }
            let email = format!("{}-{number}@example.org", self.prefix);
            let response = http::send(self.client.post(&self.url).json(&json!({ "email": email }))).await;
            // Without a response there is no status.
            println!("{:03} {email}", response.map_or(0, |response| response.status));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Load, run};
    use crate::test_server::TestServer;

    #[tokio::test]
    async fn every_address_gets_one_request() {
        let server = TestServer::start(0).await;
        run(&Load { url: server.url.clone(), prefix: "load".to_owned(), count: 20 }).await.unwrap();
        assert_eq!(server.mails(), 20);
    }
}
