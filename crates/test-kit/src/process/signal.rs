//! Signals by process id, and waiting for an end.

use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Child;

/// Sends `signal`; a process that has ended needs none.
pub(crate) fn send_signal(pid: Option<u32>, signal: Signal) {
    if let Some(pid) = pid.and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw) {
        // It may end by itself at any moment.
        let _ = kill_process(pid, signal);
    }
}

/// The exit status; `None` when the process still runs after `deadline`.
pub(crate) async fn wait_for_exit(child: &mut Child, deadline: Duration) -> Option<ExitStatus> {
    tokio::time::timeout(deadline, child.wait()).await.ok()?.ok()
}
