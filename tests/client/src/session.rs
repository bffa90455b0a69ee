//! A session, kept alive by its newest refresh token.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::{call::Answer, context::LoadContext, ledger::SessionOutcome};

/// A refresh that gets no usable answer is repeated for this long: longer than any server may be away.
const DEADLINE: Duration = Duration::from_mins(3);
/// Short, because a token whose answer was lost gets the same successor for ten seconds only.
const PAUSE: Duration = Duration::from_secs(1);

/// A session whose end is not known.
#[derive(Debug)]
pub struct Session {
    /// Its place in the ledger.
    pub number: usize,
    token: String,
    refreshes: u32,
}

impl Session {
    /// The session that a sign-in's answer began; `None` if it began none.
    #[must_use]
    pub fn of(number: usize, signed_in: &Answer) -> Option<Self> {
        let token = signed_in.body["refresh_token"].as_str()?.to_owned();
        Some(Self { number, token, refreshes: 0 })
    }

    /// Exchanges the token, and goes on trying through an outage as a client does.
    pub async fn refresh(&mut self, context: &LoadContext) -> SessionOutcome {
        let end = Instant::now() + DEADLINE;
        let mut unanswered = 0;
        while Instant::now() < end {
            let body = json!({ "refresh_token": self.token });
            let answer = context.call("refresh", "/api/v1/token/refresh", body).await;
            match (answer.status, answer.body["refresh_token"].as_str()) {
                (200, Some(next)) => {
                    next.clone_into(&mut self.token);
                    self.refreshes += 1;
                    return SessionOutcome::Alive { refreshes: self.refreshes };
                }
                (401, _) => return SessionOutcome::Lost { refreshes: self.refreshes, unanswered },
                _ => unanswered += 1,
            }
            sleep(PAUSE).await;
        }
        SessionOutcome::Unanswered
    }
}
