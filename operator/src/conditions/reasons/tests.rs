use std::{collections::BTreeSet, fmt::Write as _};

use super::{Row, listed, rows};
use crate::conditions::{ConditionType, Role};

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
        let statuses = row.statuses.join(" or ");
        let reasons = code(row.reasons.to_vec());
        let action = if row.action.is_empty() { "–" } else { row.action };
        writeln!(table, "| {types} | {statuses} | {reasons} | {} | {action} |", row.meaning).unwrap();
    }
    test_kit::documents::assert_part("conditions.md", "conditions", &table);
}

/// The alerts that follow from conditions alone. The alert, and which conditions it reads, is in `alerts.yaml`.
const ALERTS: [&str; 3] = ["PingStackNotReady", "PingStackStalled", "PingStackImpaired"];

/// The alerts of a problem that lasts, by the conditions that name it. One that goes away by itself ends in another condition.
fn alerts(row: &Row) -> BTreeSet<&'static str> {
    let of = |type_: &ConditionType, status: &str| match (type_, type_.role()) {
        (ConditionType::Stalled, _) => Some(ALERTS[1]),
        (ConditionType::Reconciling, _) => None,
        (_, Role::Summary | Role::Required) if status != "True" => Some(ALERTS[0]),
        _ => Some(ALERTS[2]),
    };
    let pairs = row.types.iter().flat_map(|type_| row.statuses.iter().map(move |status| (type_, status)));
    let is_problem = !row.action.is_empty();
    pairs.filter(|_| is_problem).filter_map(|(type_, status)| of(type_, status)).collect()
}

#[test]
fn every_lasting_problem_has_an_alert_whose_runbook_has_its_reason() {
    let rules = include_str!("../../controller/build/alerts.yaml");
    for alert in ALERTS {
        assert!(rules.contains(&format!("alert: {alert}\n")), "{alert}");
        let mut table = "| condition | reason | what to do |\n|---|---|---|\n".to_owned();
        let code =
            |names: Vec<&str>| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        for row in rows().filter(|row| alerts(row).contains(alert)) {
            let types = code(row.types.iter().map(|type_| type_.name()).collect());
            // The pages are a folder below `conditions.md`.
            let action = row.action.replace("](", "](../");
            writeln!(table, "| {types} | {} | {action} |", code(row.reasons.to_vec())).unwrap();
        }
        test_kit::documents::assert_part(&format!("runbooks/{alert}.md"), "reasons", &table);
    }
    // A condition that is not as it should be, and of which nothing is to be done, ends by itself.
    for row in rows().filter(|row| row.statuses != ["True"] && alerts(row).is_empty()) {
        let ends = row.reasons == ["Sending"] || row.reasons == ["NotTried"];
        assert!(ends, "{}: what is to be done, and what alert tells of it?", row.meaning);
    }
}
