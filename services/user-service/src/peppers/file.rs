//! `OTP_PEPPERS_FILE`: read again and again, so that a mounted Secret rotates without a restart.

use std::{path::PathBuf, time::Duration};

use service_kit::{backoff, shutdown::Shutdown};

use super::Peppers;

/// How often the file is read. Kubernetes itself takes up to a minute to write a changed Secret into a pod.
const PERIOD: Duration = Duration::from_secs(5);

/// Takes what the file holds into use until the shutdown, and calls `on_change` with the id of the current pepper. A file that is gone or wrong leaves the last good set.
pub async fn reread(peppers: Peppers, path: PathBuf, on_change: impl Fn(&str) + Send, shutdown: Shutdown) {
    let mut complained = false;
    while backoff::pause(PERIOD, &shutdown).await.is_ok() {
        let text = match tokio::fs::read_to_string(&path).await {
            Ok(text) => text,
            Err(error) => {
                if !complained {
                    tracing::warn!(%error, "OTP_PEPPERS_FILE cannot be read, keeping the peppers in use");
                }
                complained = true;
                continue;
            }
        };
        match peppers.replace(&text) {
            Ok(changed) => {
                complained = false;
                if changed {
                    tracing::info!(peppers = ?peppers, "peppers rotated");
                    on_change(peppers.all().first().map_or("", |pepper| pepper.kid()));
                }
            }
            Err(error) => {
                if !complained {
                    tracing::warn!(%error, "OTP_PEPPERS_FILE is not usable, keeping the peppers in use");
                }
                complained = true;
            }
        }
    }
}
