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
mod summary;
mod topology;

/// Every row, in the order of the document.
const TABLES: [&[Row]; 7] = [
    summary::ROWS,
    parts::ROWS,
    servers::ROWS,
    topology::ROWS,
    autoscaling::ROWS,
    advisory::ROWS,
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
pub(super) fn needs_a_person(finding: &Finding) -> bool {
    let row = rows().find(|row| row.covers(finding.type_, finding.status, &finding.reason));
    row.is_some_and(|row| row.needs_a_person)
}

/// Fails a test that makes a finding whose reason is in no row. `Ready` has the reasons of the required conditions too.
#[cfg(test)]
pub(super) fn assert_has_row(type_: ConditionType, status: &str, reason: &str) {
    use super::Role;
    let is_of = |row: &Row, type_| row.covers(type_, status, reason);
    let required = || ConditionType::ALL.into_iter().filter(|type_| type_.role() == Role::Required);
    let listed = rows().any(|row| {
        is_of(row, type_)
            || (type_ == ConditionType::Ready && required().any(|required| is_of(row, required)))
    });
    assert!(listed, "{} = {status} has no row with the reason {reason}: add one", type_.name());
}

#[cfg(test)]
mod tests;
