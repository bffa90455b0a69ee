//! `ping-topology`: one apply, told in words.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use rabbitmq_management::{ApplyReport, Error, Management, apply, dry_run};
use service_kit::{telemetry, tls};

mod config;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    tls::install_provider();
    let config = config::Config::read();
    let result = run(&config).await;
    let told = match &result {
        Ok(report) => tell(&mut io::stdout(), report, config.dry_run),
        Err(error) => writeln!(io::stderr(), "ping-topology: {}", telemetry::chain(error)),
    };
    let settled = told.is_ok() && result.is_ok_and(|report| report.conflicts.is_empty());
    if settled { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn run(config: &config::Config) -> Result<ApplyReport, Error> {
    let management = Management::new(&config.management())?;
    let desired = config.desired();
    if config.dry_run { dry_run(&management, &desired).await } else { apply(&management, &desired).await }
}

fn tell(out: &mut impl Write, report: &ApplyReport, dry_run: bool) -> io::Result<()> {
    writeln!(out, "RabbitMQ {}", report.server_version)?;
    let verb = if dry_run { "would" } else { "did" };
    for operation in &report.applied {
        writeln!(out, "{verb}: {operation}")?;
    }
    for warning in &report.warnings {
        writeln!(out, "warning: {warning}")?;
    }
    for conflict in &report.conflicts {
        writeln!(out, "conflict: {conflict}")?;
    }
    match (report.applied.is_empty(), report.conflicts.is_empty()) {
        (true, true) => writeln!(out, "everything is as it must be, nothing changed"),
        (_, true) => Ok(()),
        (_, false) => writeln!(out, "conflicts are left as they are: resolve them, then run this again"),
    }
}

#[cfg(test)]
mod tests {
    use ping_contract::{broker_version::UnsupportedVersion, topology_plan::Conflict};

    use super::{ApplyReport, tell};

    fn told(conflicts: Vec<Conflict>) -> String {
        let report =
            ApplyReport { server_version: "4.0.5".into(), applied: vec![], conflicts, warnings: vec![] };
        let mut out = Vec::new();
        tell(&mut out, &report, false).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_server_version_is_said() {
        assert_eq!(told(vec![]), "RabbitMQ 4.0.5\neverything is as it must be, nothing changed\n");
    }

    #[test]
    fn a_conflict_says_what_to_do() {
        let told = told(vec![Conflict::UnsupportedVersion(UnsupportedVersion::TooOld("3.10.8".into()))]);
        assert!(told.contains("upgrade it") && told.contains("then run this again"), "{told}");
    }
}
