//! Each row of the table of conditions is a case here: [`cases`] produces all of them by the rules themselves.

use std::collections::BTreeSet;

use crate::conditions::{ConditionType, reasons};
use reasons::listed;

mod cases;

/// Type, status and reason of a condition.
type Produced = (String, String, String);

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

/// The alert on conditions that are True reads that mark.
#[test]
fn what_is_true_although_a_person_should_act_is_marked_so() {
    for finding in cases::findings() {
        let is_marked = finding.impaired || finding.status != "True";
        let is_told_otherwise = finding.type_.is_transient() || finding.type_ == ConditionType::Ready;
        let acts = reasons::asks_for_an_action(&finding);
        assert!(is_marked || is_told_otherwise || !acts, "{finding:?}");
    }
}
