//! The table of values in a chart's README.md.

use anyhow::{Context, Result};

use super::spec::Field;

const BEGINS: &str = "<!-- generated: values -->\n";
const ENDS: &str = "<!-- end: values -->";

/// A line of the table. The value is JSON, or `required`.
pub(super) struct Row {
    pub(super) path: String,
    pub(super) value: String,
    pub(super) description: String,
}

/// All fields of the spec, also those of objects that do not exist by default.
pub(super) fn rows_of(prefix: &str, spec: &[Field]) -> Vec<Row> {
    let mut rows = Vec::new();
    for field in spec {
        let path = format!("{prefix}{}", field.name);
        if !field.is_block() {
            let value = if field.is_required { "required".to_owned() } else { field.value() };
            rows.push(Row { path: path.clone(), value, description: field.description.clone() });
        }
        rows.extend(rows_of(&format!("{path}."), &field.fields));
    }
    rows
}

/// The README with a new table.
pub(super) fn with_table(text: &str, rows: &[Row]) -> Result<String> {
    let missing = || format!("the README lacks the lines {BEGINS:?} and {ENDS:?}");
    let (before, rest) = text.split_once(BEGINS).with_context(missing)?;
    let (_, after) = rest.split_once(ENDS).with_context(missing)?;
    let lines: Vec<String> = rows.iter().map(line).collect();
    Ok(format!(
        "{before}{BEGINS}\n| value | default | what |\n|---|---|---|\n{}\n{ENDS}{after}",
        lines.concat()
    ))
}

fn line(row: &Row) -> String {
    let value = match row.value.as_str() {
        "null" => String::new(),
        "required" => row.value.clone(),
        value => format!("`{value}`"),
    };
    format!("| `{}` | {value} | {} |\n", row.path, row.description.replace('|', "\\|"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{BEGINS, ENDS, rows_of, with_table};
    use crate::charts::spec::fields_of;

    #[test]
    fn the_table_is_replaced_and_the_rest_stays() {
        let spec = fields_of(&json!({
            "required": ["host"],
            "properties": {
                "host": { "description": "A | B" },
                "redis": { "default": {}, "properties": { "port": { "description": "Its port.", "default": 6379 } } },
                "tls": { "description": "TLS.", "properties": { "ca": { "description": "CA." } } },
            },
        }));
        let text = format!("# Chart\n{BEGINS}old\n{ENDS}\nrest\n");
        let expected = format!(
            "# Chart\n{BEGINS}\n| value | default | what |\n|---|---|---|\n| `host` | required | A \\| B |\n\
             | `redis.port` | `6379` | Its port. |\n| `tls` |  | TLS. |\n| `tls.ca` |  | CA. |\n\n{ENDS}\nrest\n"
        );
        assert_eq!(with_table(&text, &rows_of("", &spec)).unwrap(), expected);
        assert!(with_table("# Chart\n", &[]).is_err());
    }
}
