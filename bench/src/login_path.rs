//! The login path: user-service in closed loop on one core and on all, and the bare loop beside it in turn.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use anyhow::Result;

use crate::{
    child::BareLoop,
    load::{self, Load},
    meter::Meter,
    process::resident_memory,
    requests::Requests,
    rig::Bench,
    round::{Path, Round, RoundId, Row},
    service::{Cores, Environment, Service, free_port, wait},
    statistics::Latency,
};

const CONNECTIONS: [u32; 4] = [1, 16, 128, 512];
/// The row that the aims are about, and the one that a mix is measured at.
pub(crate) const USUAL: u32 = 128;
/// The row about memory.
const MANY: u32 = 1000;
/// Before each measurement: connections of the service's own, and Redis' script.
const WARM_UP: Duration = Duration::from_millis(300);
/// What a started process does by itself is over by then.
const REST: Duration = Duration::from_secs(1);

/// A user-service under measurement.
pub(crate) struct UserService {
    service: Service,
    address: SocketAddr,
}

pub(crate) async fn run(bench: &Bench) -> Result<()> {
    for cores in [Cores::One, Cores::All] {
        let user_service = UserService::start(bench, cores, Vec::new()).await?;
        for round in 1..=bench.options.rounds {
            for connections in CONNECTIONS {
                let row = Row { path: Path::Login, cores: cores.name(), connections, size: 0 };
                bench.keep(
                    user_service.measure(bench, RoundId { row, number: round }, &logins(bench)).await?,
                )?;
                bench.keep(measure_bare_loop(bench, cores, connections, round).await?)?;
            }
            if cores == Cores::All {
                let row = Row { path: Path::LoginMix, cores: cores.name(), connections: USUAL, size: 0 };
                let mix = Requests::mix(bench.next.get());
                bench.keep(user_service.measure(bench, RoundId { row, number: round }, &mix).await?)?;
            }
        }
    }
    for round in 1..=bench.options.rounds {
        let row =
            Row { path: Path::LoginManyConnections, cores: Cores::All.name(), connections: MANY, size: 0 };
        let user_service = UserService::start(bench, Cores::All, Vec::new()).await?;
        wait(REST).await;
        bench
            .keep(user_service.measure_cold(bench, RoundId { row, number: round }, &logins(bench)).await?)?;
    }
    Ok(())
}

pub(crate) fn logins(bench: &Bench) -> Requests {
    Requests::logins(bench.next.get())
}

impl UserService {
    /// Starts one with its default limits and `more` settings; the generator is a proxy that it trusts.
    pub(crate) async fn start(bench: &Bench, cores: Cores, more: Environment) -> Result<Self> {
        let port = free_port()?;
        let environment = environment(bench, port).into_iter().chain(more).collect();
        let service = Service::start("user-service", environment, cores, &bench.log("user-service")).await?;
        Ok(Self::at(service, port))
    }

    /// What serves logins on a port of this machine.
    pub(crate) fn at(service: Service, port: u16) -> Self {
        Self { service, address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)) }
    }

    /// One measurement on emptied servers, after a short one that does not count.
    pub(crate) async fn measure(&self, bench: &Bench, id: RoundId, requests: &Requests) -> Result<Round> {
        bench.servers.empty().await?;
        let warm_up = load::run(self.address, id.row.connections, Instant::now() + WARM_UP, requests).await;
        self.measure_after(bench, id, requests, warm_up).await
    }

    async fn measure_cold(&self, bench: &Bench, id: RoundId, requests: &Requests) -> Result<Round> {
        bench.servers.empty().await?;
        self.measure_after(bench, id, requests, Load::default()).await
    }

    /// One measurement on the servers as they are. Each login answered 200, the warm-up's included, must be an event in
    /// the queue.
    pub(crate) async fn measure_after(
        &self,
        bench: &Bench,
        id: RoundId,
        requests: &Requests,
        warm_up: Load,
    ) -> Result<Round> {
        let party = self.service.party();
        let memory_before = resident_memory(party.pid)?;
        let meter = Meter::start(&bench.parties(party))?;
        let end = Instant::now() + Duration::from_secs(bench.options.seconds.into());
        let load = load::run(self.address, id.row.connections, end, requests).await;
        let usage = meter.stop()?;
        let resident_memory = [memory_before, resident_memory(party.pid)?];
        bench.next.set(requests.position());
        let expected = warm_up.logins + load.logins;
        let events = bench.servers.take_events(expected).await?;
        let lost =
            (events != expected).then(|| format!("{expected} logins answered 200, {events} mail events"));
        Ok(Round {
            row: id.row,
            number: id.number,
            requests: load.latency_us.len() as u64,
            usage,
            measured: party.name,
            resident_memory,
            invalid: warm_up.complaint().or(load.complaint()).or(lost),
            answers: load.answers,
            latency_us: Some(Latency::of(load.latency_us)),
            redis_bytes_per_code: None,
        })
    }
}

/// The settings of user-service.
pub(crate) fn environment(bench: &Bench, port: u16) -> Environment {
    let mut environment = bench.servers.environment();
    environment.extend([
        ("PORT", port.to_string()),
        ("JWT_SECRET", "a secret of thirty-two octets or more".to_owned()),
        ("TRUSTED_PROXIES", "127.0.0.1/32".to_owned()),
    ]);
    environment
}

async fn measure_bare_loop(bench: &Bench, cores: Cores, connections: u32, number: u32) -> Result<Round> {
    bench.servers.empty().await?;
    let option = |name: &str, value: u64| format!("--{name}={value}");
    let arguments = [
        "bare-login".to_owned(),
        option("connections", connections.into()),
        option("seconds", bench.options.seconds.into()),
        option("first", bench.next.get()),
    ];
    let bare = BareLoop::start(&arguments, environment(bench, 0), cores, &bench.log("bare-login")).await?;
    let row = Row { path: Path::BareLogin, cores: cores.name(), connections, size: 0 };
    let mut round = bench.meter_bare_loop(bare, RoundId { row, number }, 200).await?;
    let events = bench.servers.take_all_events().await?;
    let expected = round.requests;
    let lost = (events != expected).then(|| format!("{expected} confirmed, {events} mail events"));
    round.invalid = round.invalid.or(lost);
    Ok(round)
}
