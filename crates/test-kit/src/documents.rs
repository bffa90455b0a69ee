//! Parts of `docs/` that the code knows. A test compares them; `make docs` writes them.
//!
//! A part stands between `<!-- generated: NAME -->` and `<!-- end: NAME -->`.

use std::{collections::BTreeMap, fmt::Write as _};

mod configuration;
mod metrics;

/// Fails unless the file at `path` in the repository is `current`. With `UPDATE_DOCS=1` it is written instead.
///
/// # Panics
/// If it is another, or cannot be written.
pub fn assert_file(path: &str, current: &str) {
    let file = crate::repository().join(path);
    if std::fs::read_to_string(&file).is_ok_and(|committed| committed == current) {
        return;
    }
    assert!(
        std::env::var_os("UPDATE_DOCS").is_some(),
        "{path} is not what the code makes of it: run make docs"
    );
    std::fs::write(&file, current).unwrap_or_else(|error| panic!("{path} cannot be written: {error}"));
}

/// Fails unless the part `name` of `docs/{document}` is `current`. With `UPDATE_DOCS=1` it is written instead.
///
/// # Panics
/// If it is another, is not there, or cannot be written.
pub fn assert_part(document: &str, name: &str, current: &str) {
    let path = crate::repository().join("docs").join(document);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{} cannot be read: {error}", path.display()));
    let begin = format!("<!-- generated: {name} -->\n");
    let end = format!("<!-- end: {name} -->");
    let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("docs/{document} lacks {begin}"));
    let (committed, after) = rest.split_once(&end).unwrap_or_else(|| panic!("docs/{document} lacks {end}"));
    let current = format!("\n{}\n\n", current.trim());
    if committed == current {
        return;
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let written = std::fs::write(&path, format!("{before}{begin}{current}{end}{after}"));
        written.unwrap_or_else(|error| panic!("{} cannot be written: {error}", path.display()));
        return;
    }
    panic!(
        "docs/{document} does not say what the code does about {name}: run make docs. It must say\n{current}"
    );
}

/// `docs/configuration.md` says what `command` reads.
pub fn assert_configuration(program: &str, command: &clap::Command) {
    assert_part("configuration.md", program, &configuration::tables(command));
}

/// `docs/readiness.md` lists why the check `name` is not usable: reasons, each with its message.
pub fn assert_reasons<'a>(name: &str, reasons: impl IntoIterator<Item = (&'a str, &'a str)>) {
    let mut table = "| reason | what is wrong and what to do |\n|---|---|\n".to_owned();
    for (reason, message) in reasons {
        // Writing to a String cannot fail.
        let _ = writeln!(table, "| `{reason}` | {message} |");
    }
    assert_part("readiness.md", name, &table);
}

/// `docs/metrics.md` lists what a program measures. `text` is what a scraper gets, `debug` the registry in Debug form: it
/// names also what has nothing to say yet and is left out of the text, which the test must then bring to speak.
///
/// # Panics
/// If a metric has nothing to say, or the list is another.
pub fn assert_metrics(program: &str, text: &str, debug: &str) {
    let families = metrics::families(text);
    for registered in debug.split("Descriptor { name: \"").skip(1) {
        let name = registered.split('"').next().unwrap_or_default();
        assert!(
            families.contains_key(name),
            "{name} is registered, and not in the text: count something in the test"
        );
    }
    assert_part("metrics.md", program, &metrics::table_of(&families));
}

/// A Markdown table.
fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut text = format!("| {} |\n|{}\n", head.join(" | "), "---|".repeat(head.len()));
    for row in rows {
        let cells = row.iter().map(|cell| cell.replace('|', "\\|").replace('\n', " ")).collect::<Vec<_>>();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}

/// Keeps the order in which keys come up first.
fn grouped<T>(items: impl Iterator<Item = (String, T)>) -> Vec<(String, Vec<T>)> {
    let mut places = BTreeMap::new();
    let mut groups = Vec::<(String, Vec<T>)>::new();
    for (key, item) in items {
        let place = *places.entry(key.clone()).or_insert_with(|| {
            groups.push((key, Vec::new()));
            groups.len() - 1
        });
        groups[place].1.push(item);
    }
    groups
}
