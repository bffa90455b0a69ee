//! What a pod answers to `/readyz?verbose`, read strictly. The pod is not trusted: every text is bounded, because it ends
//! up in the status of the stack and in Events.

use std::collections::BTreeSet;

use k8s_openapi::jiff::Timestamp;
use serde::Deserialize;

/// The most octets of a report.
pub const MAX_OCTETS: usize = 8 * 1024;

/// The most checks of a report.
const MAX_CHECKS: usize = 32;

/// The most octets of the name of a check.
const MAX_NAME: usize = 32;

/// The most octets of a reason.
const MAX_REASON: usize = 64;

/// The most characters of a message.
const MAX_MESSAGE: usize = 512;

/// Which servers and keys a process needs, and which of them it cannot use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Sorted by name.
    pub checks: Vec<Check>,
}

/// One server or set of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// `redis`, `rabbitmq`, `smtp` and such.
    pub name: String,
    /// Why it cannot be used; `None` if it can.
    pub trouble: Option<Trouble>,
}

/// Why a server cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// In the form of a condition's reason.
    pub reason: String,
    /// What is wrong and what to do.
    pub message: String,
    /// Since when, on the clock of the operator.
    pub since: Timestamp,
}

/// The answer is not a report: an older image, or another program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer is not a report of checks")]
pub struct NotAReport;

/// The same moment on two clocks. Those of a pod and of the operator may be minutes apart.
#[derive(Debug, Clone, Copy)]
pub struct Clocks {
    /// By the pod.
    pub pod: Timestamp,
    /// By the operator.
    pub operator: Timestamp,
}

impl Clocks {
    /// A moment of the pod's clock on that of the operator.
    fn translate(self, moment: Timestamp) -> Timestamp {
        self.operator.saturating_sub(self.pod.duration_since(moment)).unwrap_or(self.operator)
    }
}

impl Report {
    /// Reads the body of an answer that was sent at `clocks`.
    pub fn parse(body: &[u8], clocks: Clocks) -> Result<Self, NotAReport> {
        let raw = serde_json::from_slice::<RawReport>(body).map_err(|_| NotAReport)?;
        if body.len() > MAX_OCTETS || raw.checks.len() > MAX_CHECKS {
            return Err(NotAReport);
        }
        let checks = raw.checks.into_iter().map(|check| check.read(clocks));
        let mut checks = checks.collect::<Result<Vec<_>, _>>()?;
        checks.sort_by(|a, b| a.name.cmp(&b.name));
        let names = checks.iter().map(|check| &check.name).collect::<BTreeSet<_>>();
        if names.len() == checks.len() { Ok(Self { checks }) } else { Err(NotAReport) }
    }

    /// What cannot be used, each with its name.
    pub fn troubles(&self) -> impl Iterator<Item = (&str, &Trouble)> {
        self.checks.iter().filter_map(|check| Some((check.name.as_str(), check.trouble.as_ref()?)))
    }

    /// The check of this name.
    #[must_use]
    pub fn check(&self, name: &str) -> Option<&Check> {
        self.checks.iter().find(|check| check.name == name)
    }
}

/// As it is sent. Unknown fields are those of a later release.
#[derive(Deserialize)]
struct RawReport {
    checks: Vec<RawCheck>,
}

#[derive(Deserialize)]
struct RawCheck {
    name: String,
    usable: bool,
    since: String,
    reason: Option<String>,
    message: Option<String>,
}

impl RawCheck {
    fn read(self, clocks: Clocks) -> Result<Check, NotAReport> {
        let since = self.since.parse::<Timestamp>().map_err(|_| NotAReport)?;
        if !is_name(&self.name) {
            return Err(NotAReport);
        }
        if self.usable {
            return Ok(Check { name: self.name, trouble: None });
        }
        let reason = self.reason.filter(|reason| is_reason(reason)).ok_or(NotAReport)?;
        let message = self.message.filter(|message| is_message(message)).ok_or(NotAReport)?;
        let trouble = Trouble { reason, message, since: clocks.translate(since) };
        Ok(Check { name: self.name, trouble: Some(trouble) })
    }
}

fn is_name(text: &str) -> bool {
    (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

fn is_reason(text: &str) -> bool {
    (2..=MAX_REASON).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_uppercase())
        && text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn is_message(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= MAX_MESSAGE && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::jiff::Timestamp;
    use serde_json::{Value, json};

    use super::{Clocks, MAX_OCTETS, NotAReport, Report, Trouble};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn parse(report: &Value) -> Result<Report, NotAReport> {
        let clocks = Clocks { pod: at(1_000), operator: at(1_000) };
        Report::parse(report.to_string().as_bytes(), clocks)
    }

    fn smtp(reason: &str, message: &str) -> Value {
        json!({ "ready": true, "checks": [{
            "name": "smtp", "usable": false, "since": "1970-01-01T00:16:00Z", "reason": reason, "message": message,
        }] })
    }

    #[test]
    fn a_report_names_what_cannot_be_used_and_fields_of_later_releases_are_ignored() {
        let report = parse(&json!({
            "ready": true, "later": {}, "lastDelivery": "1970-01-01T00:00:00Z",
            "checks": [
                { "name": "smtp", "usable": false, "since": "1970-01-01T00:16:00Z", "reason": "SmtpHostNotFound",
                  "message": "SMTP_HOST has no address.", "later": 1 },
                { "name": "redis", "usable": true, "since": "1970-01-01T00:00:00Z" },
            ],
        }))
        .unwrap();
        assert!(report.check("redis").unwrap().trouble.is_none());
        let trouble = Trouble {
            reason: "SmtpHostNotFound".to_owned(),
            message: "SMTP_HOST has no address.".to_owned(),
            since: at(960),
        };
        assert_eq!(report.troubles().collect::<Vec<_>>(), [("smtp", &trouble)]);
    }

    #[test]
    fn times_of_a_pod_whose_clock_is_wrong_are_put_right() {
        let body = smtp("SmtpUnreachable", "It does not answer.").to_string();
        let clocks = Clocks { pod: at(1_000), operator: at(7_000) };
        let report = Report::parse(body.as_bytes(), clocks).unwrap();
        assert_eq!(report.troubles().next().unwrap().1.since, at(6_960));
    }

    #[test]
    fn what_is_not_a_report_is_refused() {
        let long = "x".repeat(513);
        for wrong in [
            json!("ready"),
            json!({ "status": "ready" }),
            json!({ "checks": [{ "name": "redis", "usable": true }] }),
            json!({ "checks": [{ "name": "redis", "usable": true, "since": "yesterday" }] }),
            json!({ "checks": [{ "name": "a b", "usable": true, "since": "1970-01-01T00:00:00Z" }] }),
            json!({ "checks": [{ "name": "redis", "usable": false, "since": "1970-01-01T00:00:00Z" }] }),
            json!({ "checks": vec![json!({ "name": "a", "usable": true, "since": "1970-01-01T00:00:00Z" }); 2] }),
            smtp("not a reason", "It does not answer."),
            smtp("lower", "It does not answer."),
            smtp("SmtpUnreachable", ""),
            smtp("SmtpUnreachable", "two\nlines"),
            smtp("SmtpUnreachable", &long),
        ] {
            assert_eq!(parse(&wrong), Err(NotAReport), "{wrong}");
        }
        assert_eq!(Report::parse(b"ready", Clocks { pod: at(0), operator: at(0) }), Err(NotAReport));
        assert!(parse(&smtp("SmtpUnreachable", &long[1..])).is_ok());
    }

    #[test]
    fn a_report_that_is_too_large_is_refused() {
        let mut report = smtp("SmtpUnreachable", "It does not answer.");
        report["later"] = Value::from(" ".repeat(MAX_OCTETS));
        assert_eq!(parse(&report), Err(NotAReport));
    }
}
