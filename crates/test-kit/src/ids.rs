//! Comparing sets of ids: every login answered 200 must arrive, nothing else may.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// How many ids of each kind a report names.
const NAMED: usize = 10;

/// What happened to each id in a run. Ids are whatever names one login for the test: an address, a code, a Message-ID.
#[derive(Debug, Default, Clone)]
pub struct Ledger {
    attempted: BTreeSet<String>,
    confirmed: BTreeSet<String>,
    expired: BTreeSet<String>,
    delivered: BTreeMap<String, usize>,
}

impl Ledger {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A request was sent; its answer may be anything. What was never attempted must never be delivered.
    pub fn attempt(&mut self, id: impl Into<String>) {
        self.attempted.insert(id.into());
    }

    /// The request was answered 200: it must be delivered. Counts as attempted.
    pub fn confirm(&mut self, id: impl Into<String>) {
        let id = id.into();
        self.attempted.insert(id.clone());
        self.confirmed.insert(id);
    }

    /// The service counted it as expired, in an outage longer than its life: it need not be delivered.
    pub fn expire(&mut self, id: impl Into<String>) {
        self.expired.insert(id.into());
    }

    /// It arrived, once more.
    pub fn deliver(&mut self, id: impl Into<String>) {
        *self.delivered.entry(id.into()).or_default() += 1;
    }

    /// What was confirmed, and is neither delivered nor counted as expired so far.
    pub fn missing(&self) -> impl Iterator<Item = &String> {
        self.confirmed.iter().filter(|id| !self.delivered.contains_key(*id) && !self.expired.contains(*id))
    }

    #[must_use]
    pub fn report(&self) -> LedgerReport {
        LedgerReport {
            attempted: self.attempted.len(),
            confirmed: self.confirmed.len(),
            delivered: self.delivered.len(),
            expired: self.expired.len(),
            lost: self.missing().cloned().collect(),
            invented: self.delivered.keys().filter(|id| !self.attempted.contains(*id)).cloned().collect(),
            doubled: self.delivered.iter().filter(|(_, n)| **n > 1).map(|(id, n)| (id.clone(), *n)).collect(),
            unconfirmed: self
                .delivered
                .keys()
                .filter(|id| self.attempted.contains(*id) && !self.confirmed.contains(*id))
                .cloned()
                .collect(),
        }
    }
}

/// The outcome of a comparison; prints as a few readable lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerReport {
    /// Different ids that were attempted.
    pub attempted: usize,
    /// Different ids that were answered 200.
    pub confirmed: usize,
    /// Different ids that arrived.
    pub delivered: usize,
    /// Different ids that the service counted as expired.
    pub expired: usize,
    /// Confirmed, neither delivered nor expired: the promise is broken.
    pub lost: BTreeSet<String>,
    /// Delivered, never attempted: the promise is broken.
    pub invented: BTreeSet<String>,
    /// Delivered more than once, with how often: allowed in a crash, counted.
    pub doubled: BTreeMap<String, usize>,
    /// Attempted and delivered though not confirmed: an unknown outcome that went out, allowed.
    pub unconfirmed: BTreeSet<String>,
}

impl LedgerReport {
    /// Nothing lost and nothing invented.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.lost.is_empty() && self.invented.is_empty()
    }

    /// Deliveries beyond the first of each id.
    #[must_use]
    pub fn extra_deliveries(&self) -> usize {
        self.doubled.values().map(|n| n - 1).sum()
    }

    /// # Panics
    /// With the whole report, when something was lost or invented, or more than `allowed_doubles` deliveries were extra.
    pub fn assert_complete(&self, allowed_doubles: usize) {
        assert!(self.is_complete(), "{self}");
        assert!(self.extra_deliveries() <= allowed_doubles, "more than {allowed_doubles} doubles: {self}");
    }
}

impl fmt::Display for LedgerReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { attempted, confirmed, delivered, expired, .. } = self;
        writeln!(
            f,
            "attempted {attempted}, confirmed {confirmed}, delivered {delivered}, expired {expired}"
        )?;
        write_ids(f, "LOST", self.lost.iter().cloned())?;
        write_ids(f, "INVENTED", self.invented.iter().cloned())?;
        write_ids(f, "doubled", self.doubled.iter().map(|(id, n)| format!("{id} ({n} times)")))?;
        write_ids(f, "delivered unconfirmed", self.unconfirmed.iter().cloned())
    }
}

fn write_ids(
    f: &mut fmt::Formatter<'_>,
    kind: &str,
    ids: impl ExactSizeIterator<Item = String>,
) -> fmt::Result {
    let count = ids.len();
    let named: Vec<String> = ids.take(NAMED).collect();
    let more = if count > NAMED { ", …" } else { "" };
    writeln!(f, "{kind} {count}: {}{more}", named.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(confirmed: &[&str], delivered: &[&str]) -> Ledger {
        let mut ledger = Ledger::new();
        for id in confirmed {
            ledger.confirm(*id);
        }
        for id in delivered {
            ledger.deliver(*id);
        }
        ledger
    }

    #[test]
    fn what_was_confirmed_and_did_not_arrive_is_lost() {
        let report = ledger(&["a", "b"], &["a"]).report();
        assert_eq!(report.lost, BTreeSet::from(["b".to_owned()]));
        assert!(!report.is_complete());
    }

    #[test]
    fn what_expired_in_an_outage_is_not_lost() {
        let mut ledger = ledger(&["a", "b"], &["a"]);
        ledger.expire("b");
        ledger.report().assert_complete(0);
    }

    #[test]
    fn what_nobody_attempted_is_invented() {
        let mut ledger = ledger(&["a"], &["a", "b", "c"]);
        ledger.attempt("c");
        let report = ledger.report();
        assert_eq!(report.invented, BTreeSet::from(["b".to_owned()]));
        assert_eq!(report.unconfirmed, BTreeSet::from(["c".to_owned()]));
    }

    #[test]
    fn doubles_are_counted_beyond_the_first() {
        let report = ledger(&["a", "b"], &["a", "a", "a", "b"]).report();
        assert_eq!(report.doubled, BTreeMap::from([("a".to_owned(), 3)]));
        report.assert_complete(2);
        assert!(std::panic::catch_unwind(|| report.assert_complete(1)).is_err());
    }

    #[test]
    fn a_report_names_ten_ids_and_says_that_there_are_more() {
        let ids: Vec<String> = (10..30).map(|n| format!("id{n}")).collect();
        let text = ledger(&ids.iter().map(String::as_str).collect::<Vec<_>>(), &[]).report().to_string();
        assert!(
            text.contains("LOST 20: id10, ") && text.contains("id19, …") && !text.contains("id20"),
            "{text}"
        );
    }
}
