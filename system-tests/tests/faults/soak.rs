//! Logins for minutes while one random fault follows the other: nothing is lost, and nothing that a service holds grows.
//!
//! The seed is printed; `SOAK_SEED` repeats a run. What is random is which fault comes and how long it lasts.

mod fault;
mod figures;

use std::{path::PathBuf, time::Duration};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use system_tests::{
    load::Account,
    platform::{Platform, Setup},
};
use tokio::time::{Instant, sleep_until};

use crate::{
    rig::{IN_WORK, PER_SECOND},
    soak::{fault::Fault, figures::Figures},
};

/// How long logins run before the first fault.
const WARM_UP: Duration = Duration::from_secs(5);
/// How long a fault lasts, in milliseconds, where it does not only cut.
const LASTS: std::ops::Range<u64> = 500..4_000;

/// The length and the weight of a run.
struct Soak {
    per_second: u32,
    faults: u32,
    every: Duration,
    programs: Option<PathBuf>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn soak_a_minute_of_random_faults_loses_nothing_and_leaks_nothing() {
    Soak { per_second: PER_SECOND, faults: 6, every: Duration::from_secs(10), programs: None }.run().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes eleven minutes and release builds of the services: make test-faults FULL=1"]
async fn soak_ten_minutes_at_500_logins_a_second_lose_nothing_and_leak_nothing() {
    #[expect(clippy::disallowed_methods, reason = "a test has no config.rs")]
    let programs = std::env::var_os("RELEASE_PROGRAMS").map(PathBuf::from);
    assert!(programs.is_some(), "RELEASE_PROGRAMS is not set: run `make test-faults FULL=1`");
    Soak { per_second: 500, faults: 30, every: Duration::from_secs(20), programs }.run().await;
}

impl Soak {
    async fn run(self) {
        let seed = seed();
        println!("soak: SOAK_SEED={seed} repeats this run");
        let setup = Setup {
            programs: self.programs.clone(),
            mail_service: crate::mail_server::quick(),
            ..Setup::default()
        };
        let mut platform = Platform::start_with(setup).await;
        let idle = Figures::of(&platform).await;
        let account = Account::new();
        let client = platform.client.clone();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let began = Instant::now();
        let load = account.run_until(&client, self.per_second, async { drop(stopped.await) });
        let played = async {
            let figures = self.play(&mut platform, &account, StdRng::seed_from_u64(seed)).await;
            let _ = stop.send(());
            figures
        };
        let ((), figures) = tokio::join!(load, played);
        let seconds = began.elapsed().as_secs();
        let report = account.settle(&platform.smtp).await;
        println!("soak: {seconds} s, {report}soak: answers {:?}", account.statuses());
        figures::assert_flat(&figures);
        figures::return_to(&platform, &idle).await;
        account.assert_only_refused();
        report.assert_complete(IN_WORK * self.faults as usize);
    }

    /// One fault after the other; answers the figures of the quiet moment before the next.
    async fn play(&self, platform: &mut Platform, account: &Account, mut random: StdRng) -> Vec<Figures> {
        let mut figures = Vec::new();
        let mut next = Instant::now() + WARM_UP;
        for number in 0..self.faults {
            sleep_until(next).await;
            next += self.every;
            // The second half leaves the services alone: what they hold shows only in a long life.
            let fault = Fault::any(&mut random, number < self.faults / 2);
            let lasts = Duration::from_millis(random.random_range(LASTS));
            println!("soak: {:2} {fault:?} begins", number + 1);
            fault.play(platform, lasts).await;
            let back = account.recovered(Instant::now()).await;
            sleep_until(next).await;
            account.collect(&platform.smtp);
            let now = Figures::of(platform).await;
            println!("soak: {:2} {fault:?} {lasts:.1?}, back after {back:.1?}: {now}", number + 1);
            figures.push(now);
        }
        figures
    }
}

fn seed() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a test has no config.rs")]
    let given = std::env::var("SOAK_SEED").ok();
    given.map_or_else(rand::random, |seed| seed.parse().expect("SOAK_SEED is a whole number"))
}
