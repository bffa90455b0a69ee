//! `await-operator`: what `helm test` runs for the operator.

use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use reqwest::Client;
use tokio::time::{Instant, sleep};

use crate::arguments::AwaitOperator;
use crate::http::{self, Response};

const PAUSE: Duration = Duration::from_millis(500);

pub(crate) async fn run(arguments: &AwaitOperator) -> Result<()> {
    let client = http::client_without_keep_alive()?;
    let poll = Poll { client, url: &arguments.url, deadline: arguments.deadline };
    // Readiness includes the API server, the certificate, and the first measurement of every queue.
    poll.until("the operator is ready", "/readyz", |_| true).await?;
    // The Service sends each connection to some replica; one of them leads.
    poll.until("a replica reconciles", "/metrics", |response| {
        response.text.lines().any(|line| line == "ping_operator_leader 1")
    })
    .await
}

struct Poll<'a> {
    client: Client,
    url: &'a str,
    deadline: Duration,
}

impl Poll<'_> {
    async fn until(&self, what: &str, path: &str, is_so: impl Fn(&Response) -> bool) -> Result<()> {
        let end = Instant::now() + self.deadline;
        loop {
            let outcome = http::send(self.client.get(format!("{}{path}", self.url))).await;
            if outcome.as_ref().is_ok_and(|response| response.status == 200 && is_so(response)) {
                println!("ok: {what}");
                return Ok(());
            }
            if Instant::now() > end {
                let last =
                    outcome.and_then(|response| Err(anyhow!("{path} was answered {}", response.status)));
                return last.with_context(|| {
                    format!("not within {} s: {what}; the last try", self.deadline.as_secs())
                });
            }
            sleep(PAUSE).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{AwaitOperator, run};
    use crate::test_server::TestServer;

    #[tokio::test]
    async fn the_leader_is_found_when_the_first_request_reaches_another_replica() {
        let server = TestServer::start(0).await;
        run(&AwaitOperator { url: server.url, deadline: Duration::from_secs(5) }).await.unwrap();
    }

    #[tokio::test]
    async fn an_operator_that_never_gets_ready_is_named() {
        let url = "http://127.0.0.1:9".to_owned();
        let error = run(&AwaitOperator { url, deadline: Duration::ZERO }).await.unwrap_err();
        assert!(error.to_string().contains("the operator is ready"), "{error:#}");
    }
}
