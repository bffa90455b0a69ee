//! `charts/pingstack/values.yaml`: below its mark, every field of the spec with its description and default.

use std::fmt::Write as _;

use anyhow::{Context, Result};

use super::spec::Field;

pub(super) const PATH: &str = "charts/pingstack/values.yaml";

const MARK: &str =
    "# The spec of the PingStack. `cargo xtask write-charts` generates what is below from the CRD.\n";

/// The chart's own values, above the mark.
pub(super) fn own(text: &str) -> Result<&str> {
    let (own, _) = text.split_once(MARK).with_context(|| format!("{PATH} lacks the line {MARK:?}"))?;
    Ok(own)
}

/// The file with what is below the mark generated from the spec.
pub(super) fn generate(text: &str, spec: &[Field]) -> Result<String> {
    let mut lines = Vec::new();
    add_values(&mut lines, spec, "");
    Ok(format!("{}{MARK}{}\n", own(text)?, lines.join("\n")))
}

fn add_values(lines: &mut Vec<String>, fields: &[Field], indent: &str) {
    for field in fields {
        if indent.is_empty() {
            lines.push(String::new());
        }
        let mut description = field.description.clone();
        if field.is_required && !field.is_block() {
            description.push_str(" It must be given.");
        }
        lines.push(format!("{indent}# -- {description}"));
        if field.is_block() {
            lines.push(format!("{indent}{}:", field.name));
            add_values(lines, &field.fields, &format!("{indent}  "));
        } else {
            lines.push(format!("{indent}{}: {}", field.name, field.value()));
            add_shape(lines, &field.fields, indent, "  ");
        }
    }
}

/// What an object may have in it that does not exist by default, as a comment.
fn add_shape(lines: &mut Vec<String>, fields: &[Field], indent: &str, inner: &str) {
    for field in fields {
        let mut line = format!("{indent}# {inner}{}:", field.name);
        if field.fields.is_empty() {
            let value = field.value();
            let _ = write!(line, " {}", if value == "null" { "…" } else { &value });
        }
        lines.push(line);
        add_shape(lines, &field.fields, indent, &format!("{inner}  "));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{MARK, generate};
    use crate::charts::spec::fields_of;

    #[test]
    fn what_is_below_the_mark_follows_the_spec() {
        let spec = fields_of(&json!({
            "required": ["host"],
            "properties": {
                "host": { "description": "The host." },
                "tls": { "description": "TLS.", "nullable": true, "properties": { "ca": {}, "port": { "default": 25 } } },
                "limits": { "description": "Limits.", "default": {}, "properties": { "daily": { "description": "A day.", "default": 20 } } },
            },
        }));
        let expected = format!(
            "own: 1\n{MARK}\n# -- The host. It must be given.\nhost: null\n\n# -- Limits.\nlimits:\n  # -- A day.\n  daily: 20\n\
             \n# -- TLS.\ntls: null\n#   ca: …\n#   port: 25\n"
        );
        assert_eq!(generate(&format!("own: 1\n{MARK}old: 1\n"), &spec).unwrap(), expected);
        assert!(generate("own: 1\n", &spec).unwrap_err().to_string().contains("lacks the line"));
    }
}
