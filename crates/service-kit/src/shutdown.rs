//! Shutdown in two phases, with an owner for every task.
//!
//! Soft: take no new work, finish what is in flight. Hard: stop now. The first SIGTERM or SIGINT is soft, a second
//! one, or the end of the grace period, is hard. A task that panics or returns early from [`Shutdown::spawn_critical`]
//! is soft too, and the exit code then says failure: Kubernetes restarts by it.

use std::{
    future::Future,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The handle that every task holds. Clones share one shutdown.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    soft: CancellationToken,
    hard: CancellationToken,
    tasks: TaskTracker,
    failed: Arc<AtomicBool>,
}

/// How a shutdown ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// Every task ended by itself after a signal.
    Clean,
    /// A critical task failed, or tasks had to be cut off at the end of the grace period.
    Failed,
}

impl From<Finish> for ExitCode {
    fn from(finish: Finish) -> Self {
        match finish {
            Finish::Clean => Self::SUCCESS,
            Finish::Failed => Self::FAILURE,
        }
    }
}

impl Shutdown {
    /// A shutdown that only [`Shutdown::trigger`] starts, for tests and libraries.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A shutdown that SIGTERM and SIGINT start.
    ///
    /// # Errors
    /// The signal handlers could not be installed.
    pub fn on_signals() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let shutdown = Self::new();
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let handle = shutdown.clone();
        // Not tracked: it waits for signals as long as the process lives.
        #[expect(clippy::disallowed_methods, reason = "this task is the owner, nobody waits for it")]
        tokio::spawn(async move {
            for token in [&handle.soft, &handle.hard] {
                tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
                tracing::info!("signal received, shutting down");
                token.cancel();
            }
        });
        Ok(shutdown)
    }

    /// Cancelled when no new work shall be taken.
    #[must_use]
    pub fn soft(&self) -> &CancellationToken {
        &self.soft
    }

    /// Cancelled when everything shall stop now.
    #[must_use]
    pub fn hard(&self) -> &CancellationToken {
        &self.hard
    }

    /// Starts the soft phase.
    pub fn trigger(&self) {
        self.soft.cancel();
    }

    /// Whether the soft phase has begun.
    #[must_use]
    pub fn is_triggered(&self) -> bool {
        self.soft.is_cancelled()
    }

    /// Spawns a task that [`Shutdown::finish`] waits for. A panic in it is a failure of the process.
    pub fn spawn<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.watch(name, false, task);
    }

    /// Spawns a task without which the process is of no use: its early end starts the shutdown, as a failure.
    pub fn spawn_critical<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.watch(name, true, task);
    }

    fn watch<F>(&self, name: &'static str, critical: bool, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let handle = self.clone();
        self.tasks.spawn(async move {
            let guard = FailUnlessDone { shutdown: handle, name, done: false };
            task.await;
            guard.done(critical);
        });
    }

    /// Waits for the soft phase, then for all tasks; after `grace` it cuts them off.
    pub async fn finish(&self, grace: Duration) -> Finish {
        self.soft.cancelled().await;
        self.tasks.close();
        let over = tokio::select! {
            () = self.tasks.wait() => false,
            () = self.hard.cancelled() => true,
            () = expired(grace) => true,
        };
        if over {
            tracing::warn!(
                tasks = self.tasks.len(),
                "grace period is over, cutting off what is still running"
            );
            self.hard.cancel();
            self.failed.store(true, Ordering::Relaxed);
        }
        if self.failed.load(Ordering::Relaxed) { Finish::Failed } else { Finish::Clean }
    }
}

#[expect(clippy::disallowed_methods, reason = "the end of the grace period must not wake on shutdown")]
async fn expired(grace: Duration) {
    tokio::time::sleep(grace).await;
}

/// Turns a panic, or the early end of a critical task, into a failed shutdown.
struct FailUnlessDone {
    shutdown: Shutdown,
    name: &'static str,
    done: bool,
}

impl FailUnlessDone {
    fn done(mut self, critical: bool) {
        self.done = !critical || self.shutdown.is_triggered();
    }
}

impl Drop for FailUnlessDone {
    fn drop(&mut self) {
        // A runtime that is being dropped also drops tasks: that is no failure of theirs.
        if self.done || self.shutdown.hard.is_cancelled() {
            return;
        }
        if !std::thread::panicking() && self.shutdown.is_triggered() {
            return;
        }
        tracing::error!(task = self.name, "task ended that should go on, shutting down");
        self.shutdown.failed.store(true, Ordering::Relaxed);
        self.shutdown.soft.cancel();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Finish, Shutdown};

    const LONG: Duration = Duration::from_mins(1);

    #[tokio::test]
    async fn tasks_that_end_after_the_signal_are_a_clean_finish() {
        let shutdown = Shutdown::new();
        let soft = shutdown.soft().clone();
        shutdown.spawn_critical("server", async move { soft.cancelled().await });
        shutdown.spawn("one-off", async {});
        shutdown.trigger();
        assert_eq!(shutdown.finish(LONG).await, Finish::Clean);
    }

    #[tokio::test]
    async fn a_critical_task_that_ends_early_shuts_down_as_a_failure() {
        let shutdown = Shutdown::new();
        shutdown.spawn_critical("server", async {});
        assert_eq!(shutdown.finish(LONG).await, Finish::Failed);
        assert!(shutdown.is_triggered());
    }

    #[tokio::test]
    async fn a_panic_shuts_down_as_a_failure() {
        let shutdown = Shutdown::new();
        shutdown.spawn("broken", async { panic!("on purpose") });
        assert_eq!(shutdown.finish(LONG).await, Finish::Failed);
    }

    #[tokio::test]
    async fn the_end_of_the_grace_period_cuts_off() {
        let shutdown = Shutdown::new();
        shutdown.spawn("stuck", std::future::pending());
        shutdown.trigger();
        assert_eq!(shutdown.finish(Duration::from_millis(1)).await, Finish::Failed);
        assert!(shutdown.hard().is_cancelled());
    }
}
