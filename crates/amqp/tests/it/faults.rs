//! A private broker that is stopped, killed, frozen and put in alarm, under load.

use std::{
    collections::BTreeSet,
    io::Read as _,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use amqp::{PublishError, PublishRefusal, Publisher, PublisherOptions, State, UnknownOutcome};
use futures::future::join_all;
use test_kit::{
    servers::{RabbitServer, SmallDisk},
    wait::wait_until,
};
use tokio::time::timeout;

use crate::{Fixture, PATIENCE, is_disconnected, message, options, publish_until_confirmed, reaches};

/// A restart of the broker, and what follows.
const RESTART: Duration = Duration::from_mins(2);

/// Publishers that go on through everything, and remember what was confirmed.
#[derive(Clone, Default)]
struct Load {
    confirmed: Arc<Mutex<BTreeSet<String>>>,
    count: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
}

impl Load {
    fn confirmed(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    async fn run(&self, publisher: &Publisher, tasks: usize) {
        join_all((0..tasks).map(|task| self.publish(publisher, task))).await;
    }

    async fn publish(&self, publisher: &Publisher, task: usize) {
        for number in 0.. {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            let id = format!("{task}-{number}");
            match publisher.publish(message(&id)).await {
                Ok(()) => {
                    self.count.fetch_add(1, Ordering::Relaxed);
                    self.confirmed.lock().unwrap().insert(id);
                }
                // A refusal comes at once: without a breath between, nothing else would run.
                Err(_) => tokio::task::yield_now().await,
            }
        }
    }

    /// Waits until this many more are confirmed.
    async fn more(&self, count: usize) {
        let wanted = self.confirmed() + count;
        wait_until("more confirmed publishes", RESTART, || async { self.confirmed() >= wanted }).await;
    }

    /// Ends, and compares with what is in the queue: all that was confirmed, each once at least.
    async fn nothing_confirmed_is_lost(&self, fixture: &Fixture) {
        let found = fixture.drain().await;
        let confirmed = self.confirmed.lock().unwrap().clone();
        let lost = confirmed.difference(&found).collect::<Vec<_>>();
        assert_eq!(lost.len(), 0, "of {} confirmed, lost: {lost:?}", confirmed.len());
    }
}

/// lapin's own recovery stayed dead in 3 of 4 such runs: no error, and not connected for good.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trap_4_a_graceful_stop_under_thousands_a_second_is_recovered_from_and_nothing_confirmed_is_lost() {
    let mut server = RabbitServer::start().await;
    let fixture = Fixture::on(server.broker()).await;
    let publisher = fixture.publisher().await;
    let load = Load::default();
    let faults = async {
        load.more(5_000).await;
        server.process.stop().await;
        server.restart().await;
        load.more(2_000).await;
        load.stop.store(true, Ordering::Relaxed);
    };
    tokio::join!(load.run(&publisher, 200), faults);
    load.nothing_confirmed_is_lost(&fixture).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_under_thousands_a_second_is_recovered_from_and_nothing_confirmed_is_lost() {
    let mut server = RabbitServer::start().await;
    let fixture = Fixture::on(server.broker()).await;
    let publisher = fixture.publisher().await;
    let load = Load::default();
    let faults = async {
        load.more(3_000).await;
        server.kill9().await;
        server.restart().await;
        load.more(2_000).await;
        load.stop.store(true, Ordering::Relaxed);
    };
    tokio::join!(load.run(&publisher, 200), faults);
    load.nothing_confirmed_is_lost(&fixture).await;
}

#[tokio::test]
async fn a_frozen_broker_leaves_publishes_unknown_and_is_used_again_when_it_thaws() {
    let server = RabbitServer::start().await;
    let fixture = Fixture::on(server.broker()).await;
    let confirm_timeout = Duration::from_millis(500);
    let publisher =
        fixture.publisher_with(fixture.config(), PublisherOptions { confirm_timeout, ..options() }).await;
    server.process.pause();
    // It takes a moment until the signal has reached all of the broker.
    let first_failure = async {
        loop {
            if let Err(error) = publisher.publish(message("who knows")).await {
                return error;
            }
        }
    };
    let failure = timeout(PATIENCE, first_failure).await.expect("a publish without confirm");
    assert_eq!(failure, PublishError::Unknown(UnknownOutcome::TimedOut));
    is_disconnected(&publisher).await;
    server.process.resume();
    publish_until_confirmed(&publisher, &message("after")).await;
}

/// A broker in alarm does not fail, it hangs: a publish had not returned after 5 s.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trap_6_during_an_alarm_every_publish_is_refused_at_once() {
    let alarm = DiskAlarm::prepare().await;
    let fixture = Fixture::on(alarm.server.broker()).await;
    let publisher = fixture.publisher().await;
    let load = Load::default();
    let faults = async {
        load.more(500).await;
        alarm.raise();
        reaches(&publisher, State::Blocked).await;
        for number in 0..50 {
            // Three times the 100 ms that it is meant to take.
            let refused =
                timeout(Duration::from_millis(300), publisher.publish(message(&number.to_string())));
            let refused = refused.await.expect("an answer at once");
            assert_eq!(refused, Err(PublishError::Refused(PublishRefusal::Blocked)));
        }
        alarm.end();
        reaches(&publisher, State::Connected).await;
        load.more(500).await;
        load.stop.store(true, Ordering::Relaxed);
    };
    tokio::join!(load.run(&publisher, 100), faults);
    load.nothing_confirmed_is_lost(&fixture).await;
}

/// A broker whose disk alarm can be raised and ended.
struct DiskAlarm {
    server: RabbitServer,
    ballast: PathBuf,
}

impl DiskAlarm {
    const SIZE: u64 = 400 << 20;
    const LIMIT: u64 = 150 << 20;

    async fn prepare() -> Self {
        let disk = SmallDisk::mount(Self::SIZE);
        let ballast = disk.path().join("some-of-the-space");
        let limit = format!("disk_free_limit.absolute = {}", Self::LIMIT);
        Self { server: RabbitServer::start_with(&[&limit], Some(disk)).await, ballast }
    }

    /// Leaves less than the limit, and enough for the broker to go on.
    fn raise(&self) {
        let ballast = std::fs::File::create(&self.ballast).unwrap();
        std::io::copy(&mut std::io::repeat(1).take(Self::SIZE - Self::LIMIT), &mut &ballast).unwrap();
    }

    fn end(&self) {
        std::fs::remove_file(&self.ballast).unwrap();
    }
}
