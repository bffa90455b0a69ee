//! Logins beside those of the original's user-service: a program that does what its documents say, with the libraries that it
//! uses. All are on one core, which is all that a process of Node.js uses.

use std::path::Path as FilePath;

use anyhow::{Context as _, Result};

use crate::{
    login_path::{self, USUAL, UserService},
    rig::Bench,
    round::{Path, RoundId, Row},
    service::{Cores, Environment, Service, command_of, free_port},
};

/// One alone shows what a login waits for, many what it costs.
const CONNECTIONS: [u32; 2] = [1, USUAL];

pub(crate) async fn run(bench: &Bench) -> Result<()> {
    let measured = [
        (Path::Login, UserService::start(bench, Cores::One, Vec::new()).await?),
        (Path::Original, original(bench, "false").await?),
        (Path::OriginalWithoutDelay, original(bench, "true").await?),
    ];
    for number in 1..=bench.options.rounds {
        for connections in CONNECTIONS {
            for (path, service) in &measured {
                let row = Row { path: *path, cores: Cores::One.name(), connections, size: 0 };
                let requests = login_path::logins(bench);
                bench.keep(service.measure(bench, RoundId { row, number }, &requests).await?)?;
            }
        }
    }
    Ok(())
}

async fn original(bench: &Bench, no_delay: &str) -> Result<UserService> {
    let clients = bench.options.clients.as_deref().context("the part original needs --clients")?;
    let port = free_port()?;
    let mut command = command_of(FilePath::new("node"), Cores::One);
    command.arg(clients.join("original-login.cjs"));
    let more = [("NODE_ENV", "production".to_owned()), ("NO_DELAY", no_delay.to_owned())];
    let environment: Environment = login_path::environment(bench, port).into_iter().chain(more).collect();
    let log = bench.log("original");
    let service = Service::stand_in("original", command, environment, Cores::One, &log).await?;
    Ok(UserService::at(service, port))
}
