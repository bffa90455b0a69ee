//! Every reason that a condition can have, with its meaning and what to do: the table of `docs/conditions.md`.
//!
//! A new reason needs a row here, and a case in the tests that produces it. A finding whose reason has no row fails every
//! test that makes it.

use super::{ConditionType, Finding};

mod advisory;
mod autoscaling;
mod parts;
mod progress;
mod servers;
mod sign_in;
mod summary;
mod templates;
mod topology;

/// Every row, in the order of the document.
const TABLES: [&[Row]; 9] = [
    summary::ROWS,
    parts::ROWS,
    servers::ROWS,
    topology::ROWS,
    autoscaling::ROWS,
    advisory::ROWS,
    sign_in::ROWS,
    templates::ROWS,
    progress::ROWS,
];

const TRUE: &[&str] = &["True"];
const FALSE: &[&str] = &["False"];
const UNKNOWN: &[&str] = &["Unknown"];

/// Reasons that mean the same.
#[derive(Debug, Clone, Copy)]
struct Row {
    types: &'static [ConditionType],
    statuses: &'static [&'static str],
    reasons: &'static [&'static str],
    #[cfg_attr(not(test), expect(dead_code, reason = "a test writes the document with it"))]
    meaning: &'static str,
    action: &'static str,
    needs_a_person: bool,
}

impl Row {
    /// Nothing is to be done.
    const fn new(
        types: &'static [ConditionType],
        statuses: &'static [&'static str],
        reasons: &'static [&'static str],
        meaning: &'static str,
    ) -> Self {
        Self { types, statuses, reasons, meaning, action: "", needs_a_person: false }
    }

    /// What is to be done.
    const fn then(mut self, action: &'static str) -> Self {
        self.action = action;
        self
    }

    /// The operator cannot go on without a person: `Stalled` follows.
    const fn needs_a_person(mut self) -> Self {
        self.needs_a_person = true;
        self
    }

    fn covers(&self, type_: ConditionType, status: &str, reason: &str) -> bool {
        self.types.contains(&type_) && self.statuses.contains(&status) && self.reasons.contains(&reason)
    }
}

fn rows() -> impl Iterator<Item = &'static Row> {
    TABLES.into_iter().flatten()
}

/// Whether the operator cannot go on without a person.
#[must_use]
pub fn needs_a_person(finding: &Finding) -> bool {
    let row = rows().find(|row| row.covers(finding.type_, finding.status, &finding.reason));
    row.is_some_and(|row| row.needs_a_person)
}

/// Whether its row says what to do.
#[cfg(test)]
pub(crate) fn asks_for_an_action(finding: &Finding) -> bool {
    let row = rows().find(|row| row.covers(finding.type_, finding.status, &finding.reason));
    row.is_some_and(|row| !row.action.is_empty())
}

/// Fails a test that makes a finding whose reason is in no row. `Ready` has the reasons of the required conditions too.
#[cfg(test)]
pub(crate) fn assert_has_row(type_: ConditionType, status: &str, reason: &str) {
    use super::Role;
    let is_of = |row: &Row, type_| row.covers(type_, status, reason);
    let required = || ConditionType::ALL.into_iter().filter(|type_| type_.role() == Role::Required);
    let listed = rows().any(|row| {
        is_of(row, type_)
            || (type_ == ConditionType::Ready && required().any(|required| is_of(row, required)))
    });
    assert!(listed, "{} = {status} has no row with the reason {reason}: add one", type_.name());
}

/// Type, status and reason of every row.
#[cfg(test)]
pub(crate) fn listed() -> Vec<(String, String, String)> {
    let triples = |row: &Row| {
        let mut triples = Vec::new();
        for type_ in row.types {
            for status in row.statuses {
                let of =
                    |reason: &&str| (type_.name().to_owned(), (*status).to_owned(), (*reason).to_owned());
                triples.extend(row.reasons.iter().map(of));
            }
        }
        triples
    };
    rows().flat_map(triples).collect()
}

/// The reasons that a condition of a server has from the reports of pods.
#[cfg(test)]
pub(crate) fn of_server(type_: ConditionType) -> impl Iterator<Item = &'static str> {
    let rows = servers::ROWS.iter().filter(move |row| row.types.contains(&type_));
    rows.flat_map(|row| row.reasons).copied()
}

#[cfg(test)]
mod tests;
