//! Each row of the table of conditions is a case here: [`cases`] produces all of them by the rules themselves.

use std::{collections::BTreeSet, fmt::Write as _};

use super::{Row, rows};

mod cases;

/// Type, status and reason of a condition.
type Produced = (String, String, String);

fn listed() -> Vec<Produced> {
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

#[test]
fn each_row_of_the_table_is_produced_by_the_rule_that_it_describes() {
    let produced = cases::all();
    let missing = listed().into_iter().filter(|one| !produced.contains(one)).collect::<Vec<_>>();
    assert!(missing.is_empty(), "no case produces these; write one, or remove the row: {missing:#?}");
    let known = listed().into_iter().collect::<BTreeSet<_>>();
    // `Ready` has the reasons of the others too.
    let unknown = produced.difference(&known).filter(|(type_, ..)| type_ != "Ready").collect::<Vec<_>>();
    assert!(unknown.is_empty(), "no row describes these: {unknown:#?}");
}

#[test]
fn a_reason_of_a_condition_has_one_row() {
    let listed = listed();
    let distinct = listed.iter().collect::<BTreeSet<_>>();
    assert_eq!(distinct.len(), listed.len());
}

#[test]
fn the_table_of_conditions_in_the_docs_is_current() {
    let mut table =
        "| condition | status | reason | meaning | what to do |\n|---|---|---|---|---|\n".to_owned();
    let code = |names: Vec<&str>| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    for row in rows() {
        let types = code(row.types.iter().map(|type_| type_.name()).collect());
        let (statuses, reasons) = (row.statuses.join(" or "), code(row.reasons.to_vec()));
        let action = if row.action.is_empty() { "–" } else { row.action };
        writeln!(table, "| {types} | {statuses} | {reasons} | {} | {action} |", row.meaning).unwrap();
    }
    test_kit::documents::assert_part("conditions.md", "conditions", &table);
}
