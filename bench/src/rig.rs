//! What all parts measure with: servers, options and a file to which each round is written as soon as it is measured.

use std::{
    cell::{Cell, RefCell},
    fs::{self, File},
    io::{self, Write as _},
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result};
use serde_json::json;
use service_kit::shutdown::Shutdown;

use crate::{
    child::{BARE_LOOP, BareLoop},
    config::RunOptions,
    meter::{self, Meter, Party},
    process::resident_memory,
    round::{GENERATOR, Round, RoundId, Row},
    servers::Servers,
};

/// What all parts work with.
pub(crate) struct Bench {
    pub(crate) servers: Servers,
    pub(crate) options: RunOptions,
    pub(crate) shutdown: Shutdown,
    /// The number of the next login: none is given twice.
    pub(crate) next: Cell<u64>,
    raw: RefCell<File>,
    rounds: RefCell<Vec<Round>>,
}

impl Bench {
    pub(crate) async fn prepare(options: RunOptions) -> Result<Self> {
        let folder = &options.results;
        fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let mut raw = File::create(folder.join(format!("{now}.jsonl")))?;
        let head = json!({
            "cores": meter::cores(), "kernel": fs::read_to_string("/proc/sys/kernel/osrelease")?.trim(),
            "rounds": options.rounds, "seconds": options.seconds, "mails": options.mails, "scale_to": options.scale_to,
        });
        writeln!(raw, "{head}")?;
        Ok(Self {
            servers: Servers::prepare(&options.servers).await?,
            options,
            shutdown: Shutdown::new(),
            next: Cell::new(0),
            raw: RefCell::new(raw),
            rounds: RefCell::default(),
        })
    }

    /// Stops the servers. All rounds that were kept.
    pub(crate) async fn finish(self) -> Result<Vec<Round>> {
        self.servers.finish().await?;
        Ok(self.rounds.into_inner())
    }

    /// Where a process writes its log.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.options.results.join(format!("{name}.log"))
    }

    /// The measured process, this one and the servers.
    pub(crate) fn parties(&self, measured: Party) -> Vec<Party> {
        let own = Party { name: GENERATOR, pid: std::process::id(), cores: 1 };
        [measured, own].into_iter().chain(self.servers.parties().iter().copied()).collect()
    }

    /// Lets a bare loop run to its end and meters it; each of its requests was answered `status`.
    pub(crate) async fn meter_bare_loop(
        &self,
        mut bare: BareLoop,
        id: RoundId,
        status: u16,
    ) -> Result<Round> {
        let party = bare.party()?;
        let memory_before = resident_memory(party.pid)?;
        let meter = Meter::start(&self.parties(party))?;
        let report = bare.run().await?;
        Ok(Round {
            row: id.row,
            number: id.number,
            requests: report.requests,
            latency_us: Some(report.latency_us),
            usage: meter.stop()?,
            measured: BARE_LOOP,
            resident_memory: [memory_before, resident_memory(party.pid)?],
            answers: [(status, report.requests)].into(),
            redis_bytes_per_code: None,
            invalid: report.failure,
        })
    }

    /// Writes a round down, and says on standard error how it was.
    pub(crate) fn keep(&self, round: Round) -> Result<()> {
        writeln!(self.raw.borrow_mut(), "{}", serde_json::to_string(&round)?)?;
        let Row { path, cores, connections, size } = round.row;
        let size = if size > 0 { format!(" size {size}") } else { String::new() };
        writeln!(
            io::stderr(),
            "bench: round {}: {}, cores {cores}, connections {connections}{size}: {:.0}/s, {:.1} µs of CPU each{}",
            round.number,
            path.title(),
            round.per_second(),
            round.cpu_us(),
            round.invalid.as_ref().map(|why| format!(": INVALID, {why}")).unwrap_or_default(),
        )?;
        self.rounds.borrow_mut().push(round);
        Ok(())
    }
}
