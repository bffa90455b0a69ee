//! The mail path: a full queue to the sink through mail-service, and the sink's own limit beside it in turn.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::{
    backlog::{self, Form},
    branded::Branded,
    child::BareLoop,
    meter::Meter,
    process::resident_memory,
    rig::Bench,
    round::{Path, Round, RoundId, Row},
    service::{Cores, Environment, Service},
    sink::Sink,
};

const CONNECTIONS: [u32; 3] = [1, 16, 64];
/// The row that the aim is about.
pub(crate) const USUAL: u32 = 16;
/// What a mail server takes to accept a mail, at least.
const SLOW: Duration = Duration::from_millis(10);
/// The slow sink gets so much less.
const SLOW_SHARE: u64 = 5;
/// No measurement takes longer.
const DEADLINE: Duration = Duration::from_mins(10);

pub(crate) async fn run(bench: &Bench) -> Result<()> {
    let sinks =
        (Sink::start(Duration::ZERO, &bench.shutdown).await?, Sink::start(SLOW, &bench.shutdown).await?);
    let mails = u64::from(bench.options.mails);
    for round in 1..=bench.options.rounds {
        for connections in CONNECTIONS {
            let id = |path| of_all_cores(path, connections, round);
            bench.keep(measure(bench, &sinks.0, id(Path::Mail), mails).await?)?;
            bench.keep(measure_bare_smtp(bench, &sinks.0, id(Path::BareSmtp), mails).await?)?;
        }
        let id = |path| of_all_cores(path, USUAL, round);
        bench.keep(measure_branded(bench, &sinks.0, id(Path::MailBranded), mails).await?)?;
        let mails = mails / SLOW_SHARE;
        bench.keep(measure(bench, &sinks.1, id(Path::MailSlow), mails).await?)?;
        bench.keep(measure_bare_smtp(bench, &sinks.1, id(Path::BareSmtpSlow), mails).await?)?;
    }
    Ok(())
}

fn of_all_cores(path: Path, connections: u32, number: u32) -> RoundId {
    RoundId { row: Row { path, cores: Cores::All.name(), connections, size: 0 }, number }
}

async fn measure(bench: &Bench, sink: &Sink, id: RoundId, mails: u64) -> Result<Round> {
    bench.servers.empty().await?;
    backlog::fill(&bench.servers, mails, &Form::Clear).await?;
    sink.begin(mails);
    let service = spawn(bench, sink, id.row.connections, Environment::new())?;
    meter(bench, sink, id, Delivery { service, mails }).await
}

async fn measure_branded(bench: &Bench, sink: &Sink, id: RoundId, mails: u64) -> Result<Round> {
    let branded = Branded::prepare(bench)?;
    bench.servers.empty().await?;
    backlog::fill(&bench.servers, mails, &branded.form()?).await?;
    sink.begin(mails);
    let service = spawn(bench, sink, id.row.connections, branded.environment())?;
    meter(bench, sink, id, Delivery { service, mails }).await
}

/// A mail-service, and how many mails it has to deliver.
struct Delivery {
    service: Service,
    mails: u64,
}

async fn meter(bench: &Bench, sink: &Sink, id: RoundId, delivery: Delivery) -> Result<Round> {
    let Delivery { service, mails } = delivery;
    let until = Instant::now() + DEADLINE;
    // From the first mail on: starting and connecting are no part of the path.
    let first = sink.wait_for(1, until).await;
    let meter = Meter::start(&bench.parties(service.party()))?;
    sink.wait_for(mails / 4, until).await;
    let memory_at_a_quarter = resident_memory(service.pid)?;
    let taken = sink.wait_for(mails, until).await;
    let usage = meter.stop()?;
    let memory_at_the_end = resident_memory(service.pid)?;
    service.terminate().await?;
    let left = bench.servers.take_all_events().await?;
    let left = (left > 0).then(|| format!("{left} events are still in the queue"));
    Ok(Round {
        row: id.row,
        number: id.number,
        requests: taken - first,
        latency_us: None,
        usage,
        measured: "mail-service",
        resident_memory: [memory_at_a_quarter, memory_at_the_end],
        answers: [(250, taken)].into(),
        redis_bytes_per_code: None,
        invalid: sink.account().complaint().or(left),
    })
}

/// Starts a mail-service that sends `concurrency` mails at once, with `more` settings.
pub(crate) fn spawn(bench: &Bench, sink: &Sink, concurrency: u32, more: Environment) -> Result<Service> {
    let mut environment: Environment = bench.servers.environment();
    environment.extend([
        ("SMTP_HOST", sink.address.ip().to_string()),
        ("SMTP_PORT", sink.address.port().to_string()),
        ("SMTP_TLS", "none".to_owned()),
        ("MAIL_FROM", "Ping <no-reply@example.org>".to_owned()),
        ("MAIL_CONCURRENCY", concurrency.to_string()),
    ]);
    environment.extend(more);
    Service::spawn("mail-service", environment, Cores::All, &bench.log("mail-service"))
}

async fn measure_bare_smtp(bench: &Bench, sink: &Sink, id: RoundId, mails: u64) -> Result<Round> {
    sink.begin(mails);
    let arguments = [
        "bare-smtp".to_owned(),
        format!("--address={}", sink.address),
        format!("--connections={}", id.row.connections),
        format!("--mails={mails}"),
    ];
    let bare = BareLoop::start(&arguments, Vec::new(), Cores::All, &bench.log("bare-smtp")).await?;
    let mut round = bench.meter_bare_loop(bare, id, 250).await?;
    round.invalid = round.invalid.or(sink.account().complaint());
    Ok(round)
}
