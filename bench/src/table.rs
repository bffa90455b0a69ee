//! The table, in Markdown: a line for each row, medians over its rounds.

use std::collections::BTreeMap;

use crate::{
    meter::cores,
    round::{GENERATOR, Path, Round, Row},
    statistics::Spread,
};

const HEAD: &str = "\
| path | cores | connections | per second | the same without the generator | p50, p99, p99.9 ms | CPU µs each | Redis' | RabbitMQ's | generator's | memory MiB | saturated |
|---|---|---|---|---|---|---|---|---|---|---|---|
";

/// A machine of which others use more is not quiet.
const QUIET_PER_CENT: f64 = 10.0;

pub(crate) fn markdown(rounds: &[Round]) -> String {
    let lines = by_row(rounds).into_values().map(|rounds| line(&rounds));
    let note = format!(
        "\nMedian (minimum to maximum) of {} rounds; {} cores; services, servers, generator and sink share the machine; \
         the servers' data lies where `dev/with-servers` has it, as root in memory.{}\n\n",
        rounds.iter().map(|round| round.number).max().unwrap_or_default(),
        cores(),
        disturbance(rounds),
    );
    [HEAD.to_owned()].into_iter().chain(lines).chain([note]).collect()
}

pub(crate) fn by_row(rounds: &[Round]) -> BTreeMap<Row, Vec<&Round>> {
    let mut rows = BTreeMap::<Row, Vec<&Round>>::new();
    for round in rounds {
        rows.entry(round.row).or_default().push(round);
    }
    rows
}

fn line(rounds: &[&Round]) -> String {
    let Some(first) = rounds.first() else { return String::new() };
    let Row { path, cores, connections, size } = first.row;
    let path = if size > 0 { format!("{}, {size}", path.title()) } else { path.title().to_owned() };
    if let Some(why) = rounds.iter().find_map(|round| round.invalid.as_ref()) {
        return format!("| {path} | {cores} | {connections} | **invalid**: {why} | | | | | | | | |\n");
    }
    let spread = |of: fn(&Round) -> f64, digits: usize| {
        Spread::of(rounds.iter().map(|round| of(round))).map_or_else(String::new, |s| told(s, digits))
    };
    let median = |of: &dyn Fn(&Round) -> f64| {
        Spread::of(rounds.iter().map(|round| of(round))).map_or(0.0, |s| s.median)
    };
    let party = |name: &'static str| format!("{:.1}", median(&|round| round.cpu_us_of(name)));
    let cells = [
        path,
        cores.to_owned(),
        connections.to_string(),
        spread(Round::per_second, 0),
        spread(Round::per_second_without_generator, 0),
        latency(rounds),
        spread(Round::cpu_us, 1),
        party("redis"),
        party("rabbitmq"),
        party(GENERATOR),
        memory(rounds),
        saturated(rounds),
    ];
    format!("| {} |\n", cells.join(" | "))
}

fn told(spread: Spread, digits: usize) -> String {
    let Spread { median, min, max } = spread;
    if (min - max).abs() < f64::EPSILON {
        return format!("{median:.digits$}");
    }
    format!("{median:.digits$} ({min:.digits$} to {max:.digits$})")
}

fn latency(rounds: &[&Round]) -> String {
    let percentile = |of: fn(&crate::statistics::Latency) -> u32| {
        let millis =
            rounds.iter().filter_map(|round| Some(f64::from(of(round.latency_us.as_ref()?)) / 1000.0));
        Spread::of(millis).map(|s| format!("{:.2}", s.median))
    };
    let all = [percentile(|l| l.p50), percentile(|l| l.p99), percentile(|l| l.p999)];
    all.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Before and after; of Redis for each live code, in the rows about that.
fn memory(rounds: &[&Round]) -> String {
    let at = |index: usize| {
        Spread::of(rounds.iter().map(|round| mib(round.resident_memory[index]))).map_or(0.0, |s| s.median)
    };
    let redis = rounds.iter().find_map(|round| round.redis_bytes_per_code);
    let redis = redis.map(|octets| format!("; Redis {octets:.0} octets a code")).unwrap_or_default();
    format!("{:.1} → {:.1}{redis}", at(0), at(1))
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
pub(crate) fn mib(octets: u64) -> f64 {
    octets as f64 / f64::from(1 << 20)
}

/// What was saturated most often.
fn saturated(rounds: &[&Round]) -> String {
    let mut counts = BTreeMap::<&str, u32>::new();
    for round in rounds {
        *counts.entry(round.usage.saturated.as_str()).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map_or_else(String::new, |(name, _)| name.to_owned())
}

/// Says so when the machine had something else to do: figures of such a run compare rows, and tell nothing more.
fn disturbance(rounds: &[Round]) -> String {
    let Some(others) = Spread::of(rounds.iter().map(others)) else { return String::new() };
    let Spread { median, max, .. } = others;
    let used = format!(" Others used {median:.0} % of it (up to {max:.0} %).");
    if median > QUIET_PER_CENT {
        format!("{used} **Not a quiet machine: do not publish these figures.**")
    } else {
        used
    }
}

/// Per cent of the machine that nobody of the measurement used.
fn others(round: &Round) -> f64 {
    round.usage.others_cpu_seconds * 100.0 / (round.usage.seconds * f64::from(cores()))
}

/// The valid rounds of a row, in order.
pub(crate) fn rounds_of(rounds: &[Round], path: Path, cores: &str, connections: u32) -> Vec<Round> {
    let of_row = |round: &&Round| {
        round.row.path == path && round.row.cores == cores && round.row.connections == connections
    };
    rounds.iter().filter(of_row).filter(|round| round.invalid.is_none()).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::{cores, markdown};
    use crate::round::{Path, Round, tests::round};

    #[test]
    fn a_row_has_the_median_of_its_rounds() {
        let table = markdown(&[round(Path::Login, 0.5), round(Path::Login, 0.7)]);
        let line = table.lines().find(|line| line.starts_with("| login |")).unwrap();
        assert!(line.contains("| 60.0 (50.0 to 70.0) |") && line.contains("| 1.00, 2.00, 3.00 |"), "{line}");
        assert!(line.contains("| 10.0 → 12.0 | machine |"), "{line}");
        assert_eq!(line.matches('|').count(), 13);
    }

    #[test]
    fn a_busy_machine_is_told() {
        let mut busy = round(Path::Login, 0.5);
        assert!(!markdown(std::slice::from_ref(&busy)).contains("do not publish"));
        busy.usage.others_cpu_seconds = busy.usage.seconds * f64::from(cores());
        assert!(markdown(&[busy]).contains("Others used 100 % of it (up to 100 %). **Not a quiet machine"));
    }

    #[test]
    fn one_invalid_round_makes_its_row_invalid() {
        let void = Round { invalid: Some("3 lost".to_owned()), ..round(Path::Mail, 0.5) };
        let table = markdown(&[round(Path::Mail, 0.5), void]);
        let line = table.lines().find(|line| line.starts_with("| mail |")).unwrap();
        assert!(line.contains("**invalid**: 3 lost"), "{line}");
        assert_eq!(line.matches('|').count(), 13);
    }
}
