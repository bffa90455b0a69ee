//! Settling an issue once the broker has answered: the response is kept for replays, or the issue is taken back.

use redis::Value;
use redis_client::StoreError;

use super::{Store, issue::IssueKeys, reply::millis};

/// What settles an issue.
#[derive(Debug)]
pub struct Receipt {
    pub(super) issue_id: String,
    pub(super) keys: IssueKeys,
    pub(super) ends: Vec<i64>,
    pub(super) idempotency_value: Option<String>,
}

/// What the broker said about the mail event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishResult {
    /// Nothing was queued: undo everything.
    Refused,
    /// The mail may still go out: the code stays good, but the person may ask again.
    Unknown,
}

impl Store {
    /// Undoes an issue whose mail event was not confirmed, as far as it is still that issue's.
    pub async fn take_back(&self, receipt: &Receipt, result: PublishResult) -> Result<(), StoreError> {
        let mut call = self.scripts.take_back.prepare_invoke();
        receipt.keys.add_to(&mut call);
        call.arg(receipt.issue_id.as_str());
        call.arg(match result {
            PublishResult::Refused => "refused",
            PublishResult::Unknown => "unknown",
        });
        call.arg(receipt.keys.resend.len()).arg(receipt.keys.windows.len()).arg(&receipt.ends);
        self.redis.invoke::<i64>(&call).await.map(drop)
    }

    /// Remembers the 200 for replays; nothing to do without an `Idempotency-Key`.
    pub async fn confirm(&self, receipt: &Receipt) -> Result<(), StoreError> {
        let (Some(key), Some(value)) = (&receipt.keys.idempotency, &receipt.idempotency_value) else {
            return Ok(());
        };
        let mut set = redis::cmd("SET");
        set.arg(key).arg(value).arg("XX").arg("PX").arg(millis(self.limits.code_ttl));
        self.redis.query::<Value>(&set).await.map(drop)
    }
}
