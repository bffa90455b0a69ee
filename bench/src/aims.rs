//! The aims, and how the measured figures compare with them.

use crate::{
    login_path, mail_path,
    round::{Path, Round},
    statistics::Spread,
    table::{mib, rounds_of},
};

struct Aim {
    what: String,
    at_least: bool,
    limit: f64,
    unit: &'static str,
    /// `None`: not measured in this run, or void.
    figure: Option<Spread>,
}

/// All aims as a table.
pub(crate) fn markdown(rounds: &[Round]) -> String {
    let head = "| aim | limit | measured | |\n|---|---|---|---|\n".to_owned();
    [head].into_iter().chain(aims(rounds).iter().map(line)).collect()
}

fn aims(rounds: &[Round]) -> Vec<Aim> {
    let mut aims = Vec::new();
    for (cores, told) in [("one", "one core"), ("all", "all cores")] {
        let pairs = Pairs::new(rounds, Path::Login, Path::BareLogin, cores, login_path::USUAL);
        aims.push(Aim {
            what: format!("logins per second of the bare loop's, {told}, generator's CPU taken out"),
            at_least: true,
            limit: 80.0,
            unit: "%",
            figure: pairs
                .of(|a, b| a.per_second_without_generator() * 100.0 / b.per_second_without_generator()),
        });
        aims.push(Aim {
            what: format!("CPU per login beyond the bare loop's, {told}"),
            at_least: false,
            limit: 25.0,
            unit: "µs",
            figure: pairs.of(|a, b| a.cpu_us() - b.cpu_us()),
        });
    }
    let many = rounds.iter().filter(|r| r.row.path == Path::LoginManyConnections && r.invalid.is_none());
    let many = many.collect::<Vec<_>>();
    for (index, what, limit) in [
        (0, "memory of user-service at rest", 20.0),
        (1, "memory of user-service with 1,000 connections", 64.0),
    ] {
        let figure = Spread::of(many.iter().map(|round| mib(round.resident_memory[index])));
        aims.push(Aim { what: what.to_owned(), at_least: false, limit, unit: "MiB", figure });
    }
    for (path, limit, what) in [
        (Path::Mail, Path::BareSmtp, "mails per second of bare SMTP's, 16 connections"),
        (Path::MailSlow, Path::BareSmtpSlow, "the same where the sink takes 10 ms to accept a mail"),
    ] {
        let figure = Pairs::new(rounds, path, limit, "all", mail_path::USUAL)
            .of(|a, b| a.per_second_without_generator() * 100.0 / b.per_second_without_generator());
        aims.push(Aim { what: what.to_owned(), at_least: true, limit: 80.0, unit: "%", figure });
    }
    aims.push(Aim {
        what: "CPU per mail, sealed and branded, of the original's plain one".to_owned(),
        at_least: false,
        limit: 130.0,
        unit: "%",
        figure: Pairs::new(rounds, Path::MailBranded, Path::Mail, "all", mail_path::USUAL)
            .of(|a, b| a.cpu_us() * 100.0 / b.cpu_us()),
    });
    aims
}

fn line(aim: &Aim) -> String {
    let Aim { what, at_least, limit, unit, figure } = aim;
    let sign = if *at_least { "≥" } else { "≤" };
    let (measured, verdict) = match figure {
        None => ("–".to_owned(), "not measured"),
        Some(Spread { median, min, max }) => {
            let met = if *at_least { median >= limit } else { median <= limit };
            (format!("{median:.1} ({min:.1} to {max:.1}) {unit}"), if met { "met" } else { "**missed**" })
        }
    };
    format!("| {what} | {sign} {limit:.0} {unit} | {measured} | {verdict} |\n")
}

/// Measurements that followed each other: service and limit of the same round.
struct Pairs(Vec<(Round, Round)>);

impl Pairs {
    fn new(rounds: &[Round], service: Path, limit: Path, cores: &str, connections: u32) -> Self {
        let limits = rounds_of(rounds, limit, cores, connections);
        let pair = |service: Round| {
            let limit = limits.iter().find(|limit| limit.number == service.number)?.clone();
            Some((service, limit))
        };
        Self(rounds_of(rounds, service, cores, connections).into_iter().filter_map(pair).collect())
    }

    fn of(&self, figure: impl Fn(&Round, &Round) -> f64) -> Option<Spread> {
        Spread::of(self.0.iter().map(|(service, limit)| figure(service, limit)))
    }
}

#[cfg(test)]
mod tests {
    use super::markdown;
    use crate::round::{Path, Round, tests::round};

    fn verdict(rounds: &[Round], what: &str) -> String {
        let table = markdown(rounds);
        table.lines().find(|line| line.contains(what)).unwrap().to_owned()
    }

    #[test]
    fn cpu_is_compared_with_the_bare_loop_of_the_same_round() {
        let met = verdict(
            &[round(Path::Login, 0.5), round(Path::BareLogin, 0.3)],
            "CPU per login beyond the bare loop's, all",
        );
        assert!(met.ends_with("| 20.0 (20.0 to 20.0) µs | met |"), "{met}");
        let missed = verdict(
            &[round(Path::Login, 0.6), round(Path::BareLogin, 0.3)],
            "CPU per login beyond the bare loop's, all",
        );
        assert!(missed.ends_with("| **missed** |"), "{missed}");
    }

    #[test]
    fn what_was_not_measured_or_is_void_meets_no_aim() {
        let void = Round { invalid: Some("lost".to_owned()), ..round(Path::LoginManyConnections, 0.5) };
        assert!(verdict(&[void], "at rest").ends_with("| – | not measured |"));
        let rest = verdict(&[round(Path::LoginManyConnections, 0.5)], "at rest");
        assert!(rest.contains("| 10.0 (10.0 to 10.0) MiB | met |"), "{rest}");
    }
}
