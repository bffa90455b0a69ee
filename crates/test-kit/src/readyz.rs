//! What a service says of its servers at `/readyz?verbose`.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

/// Three times the longest of what a service waits for before it says something of a server.
const DEADLINE: Duration = Duration::from_secs(90);

const PAUSE: Duration = Duration::from_millis(20);

/// One answer.
#[derive(Debug, Clone)]
pub struct Readyz {
    /// 200 or 503.
    pub status: u16,
    /// The report.
    pub body: Value,
}

impl Readyz {
    /// Asks once; `None` when nothing listens on the management port.
    ///
    /// # Panics
    /// When the answer is not JSON.
    pub async fn ask(management_port: u16) -> Option<Self> {
        let url = format!("http://127.0.0.1:{management_port}/readyz?verbose");
        let answer = crate::http_client().get(url).send().await.ok()?;
        let status = answer.status().as_u16();
        let text = answer.text().await.ok()?;
        let body = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("/readyz?verbose answered no JSON ({error}): {text}"));
        Some(Self { status, body })
    }

    /// Waits until a check is not usable because of `reason`; with an empty reason, until it is usable.
    ///
    /// # Panics
    /// With the last answer, when it is not so before the deadline.
    pub async fn wait_for(management_port: u16, check: &str, reason: &str) -> Self {
        let what = format!("the check {check} to have the reason {reason:?}");
        Self::wait_until(management_port, &what, |answer| answer.reason(check) == Some(reason)).await
    }

    /// Waits until an answer is as wanted.
    ///
    /// # Panics
    /// With the last answer, when none is before the deadline.
    pub async fn wait_until(management_port: u16, what: &str, wanted: impl Fn(&Self) -> bool) -> Self {
        let end = Instant::now() + DEADLINE;
        loop {
            let answer = Self::ask(management_port).await;
            match answer {
                Some(answer) if wanted(&answer) => return answer,
                _ if Instant::now() < end => tokio::time::sleep(PAUSE).await,
                _ => panic!("waited {DEADLINE:?} in vain for {what}; the last answer: {answer:?}"),
            }
        }
    }

    /// The check with this name.
    #[must_use]
    pub fn check(&self, name: &str) -> Option<&Value> {
        self.body["checks"].as_array()?.iter().find(|check| check["name"] == name)
    }

    /// Why the check is not usable, empty if it is; `None` without such a check.
    #[must_use]
    pub fn reason(&self, name: &str) -> Option<&str> {
        self.check(name).map(|check| check["reason"].as_str().unwrap_or_default())
    }
}
