//! What the services hold: memory, open files, threads, tasks.

use std::{fmt, time::Duration};

use system_tests::platform::Platform;
use test_kit::process::ServiceProcess;
use tokio::time::{Instant, sleep_until};

use crate::rig::DEADLINE;

const TASKS: &str = "ping_runtime_alive_tasks";
const MIB: u64 = 1 << 20;
/// Fewer samples of one life than these say nothing about growth.
const ENOUGH: usize = 6;
/// Memory may grow by this and by a quarter: an allocator's pages follow the load.
const MEMORY_SLACK: u64 = 16 * MIB;
/// A connection or two may be under way when one looks.
const SLACK: u64 = 8;

/// The figures of both services at one moment.
#[derive(Debug, Clone)]
pub(super) struct Figures {
    user_service: Figure,
    mail_service: Figure,
}

#[derive(Debug, Clone)]
struct Figure {
    pid: Option<u32>,
    memory: u64,
    files: u64,
    threads: u64,
    tasks: u64,
}

impl Figures {
    pub(super) async fn of(platform: &Platform) -> Self {
        let (user_tasks, mail_tasks) =
            tokio::join!(platform.user_service_metric(TASKS), platform.mail_service_metric(TASKS));
        Self {
            user_service: Figure::of(&platform.user_service, user_tasks),
            mail_service: Figure::of(&platform.mail_service, mail_tasks),
        }
    }
}

impl Figure {
    fn of(process: &ServiceProcess, tasks: f64) -> Self {
        assert!(tasks > 0.5, "no {TASKS} among the metrics");
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number")]
        let tasks = tasks as u64;
        let memory = process.resident_memory();
        let threads = process.threads();
        Self { pid: process.pid(), memory, files: process.open_files() as u64, threads, tasks }
    }

    fn is_within(&self, idle: &Self) -> bool {
        let pairs = [(self.files, idle.files), (self.threads, idle.threads), (self.tasks, idle.tasks)];
        pairs.into_iter().all(|(now, before)| now <= before + SLACK)
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "user-service {}; mail-service {}", self.user_service, self.mail_service)
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { memory, files, threads, tasks, .. } = self;
        write!(f, "{} MiB, {files} files, {threads} threads, {tasks} tasks", memory / MIB)
    }
}

/// Memory in the later half of the last life is about that of its earlier half.
pub(super) fn assert_flat(figures: &[Figures]) {
    for (name, all) in [
        ("user-service", figures.iter().map(|figures| &figures.user_service).collect::<Vec<_>>()),
        ("mail-service", figures.iter().map(|figures| &figures.mail_service).collect()),
    ] {
        let pid = all.last().and_then(|last| last.pid);
        let life: Vec<u64> =
            all.iter().filter(|figure| figure.pid == pid).map(|figure| figure.memory).collect();
        let (early, late) = life.split_at(life.len() / 2);
        let peak = |half: &[u64]| half.iter().max().copied().unwrap_or_default();
        let bound = peak(early) + peak(early) / 4 + MEMORY_SLACK;
        assert!(life.len() < ENOUGH || peak(late) <= bound, "memory of {name} grows: {life:?}");
    }
}

/// Waits until both services hold no more files, threads and tasks than `idle`, which was before the load.
pub(super) async fn return_to(platform: &Platform, idle: &Figures) {
    let end = Instant::now() + DEADLINE;
    loop {
        let now = Figures::of(platform).await;
        if now.user_service.is_within(&idle.user_service) && now.mail_service.is_within(&idle.mail_service) {
            return println!("soak: idle again: {now}; before: {idle}");
        }
        assert!(Instant::now() < end, "something leaks. Before the load: {idle}. After it: {now}");
        sleep_until(Instant::now() + Duration::from_secs(1)).await;
    }
}
