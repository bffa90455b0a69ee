//! What must happen to an issue after its publish, even if nobody waits for the answer any more.

use std::{sync::Arc, time::Duration};

use service_kit::backoff::Backoff;

use crate::{
    codes::{PublishResult, Receipt},
    endpoints::App,
    metrics::LoginOutcome,
};

/// Holds the receipt of an issue until the broker has spoken. Dropped before that (the client went away, or the
/// deadline came): the mail may still go out, so it settles as an unknown publish does.
pub(super) struct Settling {
    app: Arc<App>,
    receipt: Option<Receipt>,
}

impl Settling {
    pub(super) fn new(app: &Arc<App>, receipt: Receipt) -> Self {
        Self { app: Arc::clone(app), receipt: Some(receipt) }
    }

    /// The broker has it. A replay that is not remembered costs the client a 409, the answer stays 200.
    pub(super) async fn confirmed(mut self) {
        if let Some(receipt) = self.receipt.take()
            && let Err(error) = self.app.parts.store.confirm(&receipt).await
        {
            let _ = self.app.unavailable("remember the idempotency key", &error);
        }
    }

    /// The broker has not confirmed. A failure here leaves a code that nobody knows, and a limit that ends by itself.
    pub(super) async fn take_back(mut self, result: PublishResult) {
        if let Some(receipt) = self.receipt.take()
            && let Err(error) = self.app.parts.store.take_back(&receipt, result).await
        {
            let _ = self.app.unavailable("take back", &error);
        }
    }
}

impl Drop for Settling {
    fn drop(&mut self) {
        let Some(receipt) = self.receipt.take() else { return };
        let app = Arc::clone(&self.app);
        app.parts.metrics.login(LoginOutcome::Abandoned);
        self.app.parts.shutdown.spawn("take back", async move {
            if let Err(error) = app.parts.store.take_back(&receipt, PublishResult::Unknown).await {
                let _ = app.unavailable("take back", &error);
            }
        });
    }
}

/// How often an issue that nobody saw is undone before its own end is waited for.
const TRIES: usize = 5;

/// Undoes, in the background, an issue whose answer did not come: it may have happened, and would refuse the person
/// for a minute without a mail. Redis is in trouble just now, so it is tried again for some seconds.
pub(super) fn undo_unseen(app: &Arc<App>, receipt: Receipt) {
    let app = Arc::clone(app);
    let shutdown = app.parts.shutdown.clone();
    app.parts.shutdown.clone().spawn("undo an unseen issue", async move {
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(2));
        for _ in 0..TRIES {
            if app.parts.store.take_back(&receipt, PublishResult::Refused).await.is_ok()
                || backoff.wait(&shutdown).await.is_err()
            {
                return;
            }
        }
    });
}
