//! One measurement, as it is written to the raw rounds.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    meter::{Usage, cores},
    statistics::Latency,
};

/// The name under which the load generator and the sink are metered.
pub(crate) const GENERATOR: &str = "generator";

/// What is measured: a row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Row {
    pub(crate) path: Path,
    /// `one` or `all`.
    pub(crate) cores: &'static str,
    pub(crate) connections: u32,
    /// Live codes in Redis, or events in the queue, at the beginning.
    pub(crate) size: u64,
}

/// Which measurement a round is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RoundId {
    pub(crate) row: Row,
    /// From 1.
    pub(crate) number: u32,
}

/// Which way is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Path {
    Login,
    BareLogin,
    LoginMix,
    LoginManyConnections,
    Mail,
    MailBranded,
    BareSmtp,
    MailSlow,
    BareSmtpSlow,
    LoginScale,
    MailBacklog,
    Original,
    OriginalWithoutDelay,
}

impl Path {
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::BareLogin => "login: bare loop",
            Self::LoginMix => "login: mix",
            Self::LoginManyConnections => "login: many connections",
            Self::Mail => "mail",
            Self::MailBranded => "mail: sealed and branded",
            Self::BareSmtp => "mail: bare SMTP",
            Self::MailSlow => "mail, 10 ms sink",
            Self::BareSmtpSlow => "mail, 10 ms sink: bare SMTP",
            Self::LoginScale => "login: live codes",
            Self::MailBacklog => "mail: long queue",
            Self::Original => "login: the original's libraries",
            Self::OriginalWithoutDelay => "login: the original's libraries, without Nagle's algorithm",
        }
    }
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Round {
    pub(crate) row: Row,
    /// From 1.
    pub(crate) number: u32,
    /// Requests answered, or mails taken.
    pub(crate) requests: u64,
    pub(crate) latency_us: Option<Latency>,
    pub(crate) usage: Usage,
    /// The name of the measured process in `usage`.
    pub(crate) measured: &'static str,
    /// Of the measured process, in bytes, before and after.
    pub(crate) resident_memory: [u64; 2],
    /// How often each status was answered; 0 is a failed connection.
    pub(crate) answers: BTreeMap<u16, u64>,
    /// Of Redis, in bytes, for each live code; only in the rows about that.
    pub(crate) redis_bytes_per_code: Option<f64>,
    /// Why this measurement counts for nothing.
    pub(crate) invalid: Option<String>,
}

impl Round {
    pub(crate) fn per_second(&self) -> f64 {
        self.count() / self.usage.seconds
    }

    /// As if the generator ran on another machine: its processor time is taken out of the time that the cores had.
    pub(crate) fn per_second_without_generator(&self) -> f64 {
        let seconds = self.usage.seconds - self.usage.of(GENERATOR) / f64::from(cores());
        self.count() / seconds.max(f64::EPSILON)
    }

    /// Processor microseconds of a party for each request.
    pub(crate) fn cpu_us_of(&self, party: &str) -> f64 {
        self.usage.of(party) * 1e6 / self.count().max(1.0)
    }

    /// Processor microseconds of the measured process for each request.
    pub(crate) fn cpu_us(&self) -> f64 {
        self.cpu_us_of(self.measured)
    }

    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    fn count(&self) -> f64 {
        self.requests as f64
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use super::{GENERATOR, Path, Round, Row};
    use crate::{
        meter::{Usage, cores},
        statistics::Latency,
    };

    pub(crate) fn round(path: Path, cpu_seconds: f64) -> Round {
        let measured = "user-service";
        Round {
            row: Row { path, cores: "all", connections: 128, size: 0 },
            number: 1,
            requests: 10_000,
            latency_us: Some(Latency { p50: 1000, p99: 2000, p999: 3000 }),
            usage: Usage {
                seconds: 2.0,
                cpu_seconds: BTreeMap::from([(measured, cpu_seconds), (GENERATOR, f64::from(cores()))]),
                others_cpu_seconds: 0.0,
                saturated: "machine".to_owned(),
            },
            measured,
            resident_memory: [10 << 20, 12 << 20],
            answers: BTreeMap::from([(200, 10_000)]),
            redis_bytes_per_code: None,
            invalid: None,
        }
    }

    #[test]
    fn the_generators_time_is_taken_out_of_all_cores() {
        let round = round(Path::Login, 0.5);
        assert!((round.per_second() - 5_000.0).abs() < 1e-6);
        assert!((round.per_second_without_generator() - 10_000.0).abs() < 1e-6);
        assert!((round.cpu_us() - 50.0).abs() < 1e-6);
    }
}
