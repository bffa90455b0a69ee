//! Many live codes in Redis, and a long queue: one round each.

use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Parser as _;
use futures::{StreamExt as _, stream};
use ping_contract::address::EmailAddress;
use user_service::{codes::Store, config::Config};

use crate::{
    backlog::{self, Form},
    bare_login::{client, issue, store},
    load::Load,
    login_path::{self, UserService},
    mail_path,
    meter::Meter,
    process::resident_memory,
    requests::{Requests, address},
    rig::Bench,
    round::{Path, Round, RoundId, Row},
    service::{Cores, Environment},
    sink::Sink,
};

/// Codes made at once.
const AT_ONCE: usize = 256;
/// How many measurements of the login path one of the long queue lasts.
const LONG: u32 = 6;

pub(crate) async fn run(bench: &Bench) -> Result<()> {
    bench.servers.empty().await?;
    let empty = bench.servers.redis_memory().await?;
    let store = store(&store_config(bench)?, &bench.shutdown).await?;
    let user_service = UserService::start(bench, Cores::All, limits()).await?;
    let mut codes = 1_000;
    let mut made = 0;
    while codes <= u64::from(bench.options.scale_to) {
        make_codes(&store, made..codes).await?;
        made = codes;
        let memory = bench.servers.redis_memory().await?.saturating_sub(empty);
        let row = Row { path: Path::LoginScale, cores: "all", connections: login_path::USUAL, size: codes };
        let id = RoundId { row, number: 1 };
        let requests = Requests::logins_of(codes);
        let mut round = user_service.measure_after(bench, id, &requests, Load::default()).await?;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let per_code = memory as f64 / codes as f64;
        round.redis_bytes_per_code = Some(per_code);
        bench.keep(round)?;
        codes *= 10;
    }
    drop(user_service);
    long_queue(bench).await
}

/// The same addresses come again and again, so that the number of codes stays as it is: no limit may be in the way,
/// and each is counted all the same.
fn limits() -> Environment {
    let many = u32::MAX.to_string();
    vec![
        ("CODE_TTL_SECONDS", "3600".to_owned()),
        ("ALLOW_LONG_CODE_TTL", "true".to_owned()),
        ("LOGIN_RESEND_AFTER_SECONDS", "0".to_owned()),
        ("LOGIN_PER_ADDRESS", many.clone()),
        ("LOGIN_PER_ADDRESS_A_DAY", many.clone()),
        ("LOGIN_PER_IP", many),
    ]
}

/// user-service's settings of that row, for its store in this process.
fn store_config(bench: &Bench) -> Result<Config> {
    let settings = login_path::environment(bench, 0).into_iter().chain(limits());
    let names = ["REDIS_URL", "JWT_SECRET"].map(String::from);
    let wanted = settings.filter(|(name, _)| {
        names.contains(&(*name).to_owned()) || name.starts_with("LOGIN_") || name.starts_with("CODE_")
    });
    let options =
        wanted.map(|(name, value)| format!("--{}={value}", name.to_ascii_lowercase().replace('_', "-")));
    Ok(Config::try_parse_from(["scale".to_owned()].into_iter().chain(options))?)
}

async fn make_codes(store: &Store, numbers: std::ops::Range<u64>) -> Result<()> {
    let made = stream::iter(numbers)
        .map(|n| async move { issue(store, &EmailAddress::parse(&address(n))?, client(n)).await });
    let mut made = made.buffer_unordered(AT_ONCE);
    while let Some(result) = made.next().await {
        result?;
    }
    Ok(())
}

/// mail-service behind so many events, for a while; what it took and what is left must be all of them.
async fn long_queue(bench: &Bench) -> Result<()> {
    let events = u64::from(bench.options.scale_to);
    bench.servers.empty().await?;
    backlog::fill(&bench.servers, events, &Form::Clear).await?;
    let sink = Sink::start(Duration::ZERO, &bench.shutdown).await?;
    sink.begin(events);
    let service = mail_path::spawn(bench, &sink, mail_path::USUAL, Vec::new())?;
    let length = Duration::from_secs((bench.options.seconds * LONG).into());
    let first = sink.wait_for(1, Instant::now() + length).await;
    let before = resident_memory(service.pid)?;
    let meter = Meter::start(&bench.parties(service.party()))?;
    let taken = sink.wait_for(events, Instant::now() + length).await;
    let usage = meter.stop()?;
    let memory = [before, resident_memory(service.pid)?];
    service.terminate().await?;
    let left = bench.servers.take_all_events().await?;
    let account = sink.account();
    let lost = account.lost.saturating_sub(left);
    bench.keep(Round {
        row: Row { path: Path::MailBacklog, cores: "all", connections: mail_path::USUAL, size: events },
        number: 1,
        requests: taken - first,
        latency_us: None,
        usage,
        measured: "mail-service",
        resident_memory: memory,
        answers: [(250, sink.taken())].into(),
        redis_bytes_per_code: None,
        invalid: crate::sink::Account { lost, ..account }.complaint(),
    })
}
