//! What a program measures, from the text that a scraper gets.

use std::collections::{BTreeMap, BTreeSet};

use super::table;

/// A metric with all of its series.
#[derive(Debug, Default)]
pub(super) struct Family {
    help: String,
    kind: String,
    /// Values by label. A histogram's `le` is no label of ours.
    labels: BTreeMap<String, BTreeSet<String>>,
}

/// Families by the name they are registered under.
pub(super) fn families(text: &str) -> BTreeMap<String, Family> {
    let mut families = BTreeMap::<String, Family>::new();
    let mut current = String::new();
    for line in text.lines() {
        if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) {
            name.clone_into(&mut current);
            help.trim_end_matches('.').clone_into(&mut families.entry(current.clone()).or_default().help);
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '))
        {
            kind.clone_into(&mut families.entry(name.to_owned()).or_default().kind);
        } else if let (Some((_, rest)), Some(family)) = (line.split_once('{'), families.get_mut(&current)) {
            let labels = rest.rsplit_once('}').map_or("", |(labels, _)| labels);
            for (label, value) in labels.split(',').filter_map(|pair| pair.split_once('=')) {
                if label != "le" {
                    family
                        .labels
                        .entry(label.to_owned())
                        .or_default()
                        .insert(value.trim_matches('"').to_owned());
                }
            }
        }
    }
    families
}

/// One row for each.
pub(super) fn table_of(families: &BTreeMap<String, Family>) -> String {
    let row = |(name, family): (&String, &Family)| {
        let scraped = if family.kind == "counter" { format!("{name}_total") } else { name.clone() };
        let unit = if name.ends_with("_seconds") { "seconds" } else { "number" };
        vec![
            format!("`{scraped}`"),
            family.kind.clone(),
            labels(family),
            unit.to_owned(),
            family.help.clone(),
        ]
    };
    let rows = families.iter().map(row).collect::<Vec<_>>();
    table(&["name", "type", "labels", "unit", "meaning"], &rows)
}

/// A label that has one value here can have any.
fn labels(family: &Family) -> String {
    let one = |(label, values): (&String, &BTreeSet<String>)| match values.len() {
        ..2 => format!("`{label}`"),
        _ => format!("`{label}`: {}", values.iter().cloned().collect::<Vec<_>>().join(", ")),
    };
    match family.labels.iter().map(one).collect::<Vec<_>>().join("; ") {
        none if none.is_empty() => "–".to_owned(),
        labels => labels,
    }
}
