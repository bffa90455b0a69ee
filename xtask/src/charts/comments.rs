//! The descriptions in a values.yaml: comments that begin with `# --`, each above its value.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde_yaml::{Mapping, Value};

use super::readme::Row;

/// The described values with their defaults, in the order of the file.
pub(super) fn rows(text: &str) -> Result<Vec<Row>> {
    let values: Mapping = serde_yaml::from_str(text).context("values.yaml is not valid YAML")?;
    let mut rows = Vec::new();
    add_rows(&mut rows, "", &values, &descriptions(text))?;
    Ok(rows)
}

fn add_rows(
    rows: &mut Vec<Row>,
    prefix: &str,
    values: &Mapping,
    descriptions: &BTreeMap<String, String>,
) -> Result<()> {
    for (key, value) in values {
        let path = format!("{prefix}{}", key.as_str().context("a key of values.yaml is not a string")?);
        match (descriptions.get(&path), value) {
            (Some(description), _) => {
                let value = serde_json::to_value(value)?.to_string();
                rows.push(Row { path, value, description: description.clone() });
            }
            (None, Value::Mapping(inner)) if !inner.is_empty() => {
                add_rows(rows, &format!("{path}."), inner, descriptions)?;
            }
            (None, _) => {
                bail!("{path} has no comment in values.yaml: describe it in a line that begins with '# --'")
            }
        }
    }
    Ok(())
}

/// The comment directly above each key. An empty line ends a comment, so what is above it is for readers of the file alone.
fn descriptions(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut comment: Vec<&str> = Vec::new();
    let mut parents: Vec<Parent> = Vec::new();
    for line in text.lines() {
        let content = line.trim_start();
        let indent = line.len() - content.len();
        if let Some(part) = content.strip_prefix("# ") {
            comment.push(part);
            continue;
        }
        if let Some((key, _)) = content.split_once(':').filter(|_| !content.starts_with("- ")) {
            parents.retain(|parent| parent.indent < indent);
            let path =
                parents.last().map_or_else(|| key.to_owned(), |parent| format!("{}.{key}", parent.path));
            if let Some(description) = comment.join(" ").strip_prefix("-- ") {
                found.insert(path.clone(), description.to_owned());
            }
            parents.push(Parent { indent, path });
        }
        comment.clear();
    }
    found
}

struct Parent {
    indent: usize,
    path: String,
}

#[cfg(test)]
mod tests {
    use super::rows;

    fn lines(text: &str) -> Vec<String> {
        rows(text)
            .unwrap()
            .into_iter()
            .map(|row| format!("{} {} {}", row.path, row.value, row.description))
            .collect()
    }

    #[test]
    fn values_are_listed_in_order_with_their_comments() {
        let text = "# For readers.\n\n# -- Of two\n# lines.\nz: \"\"\n\nimage:\n  # -- A tag.\n  tag: dev\n\
                    # More of a.\na:\n  # -- An object.\n  b: { c: 1, d: [x] }\n";
        assert_eq!(
            lines(text),
            ["z \"\" Of two lines.", "image.tag \"dev\" A tag.", "a.b {\"c\":1,\"d\":[\"x\"]} An object."]
        );
    }

    #[test]
    fn a_value_without_a_description_is_found() {
        for text in
            ["a: 1\n", "# -- Apart.\n\na: 1\n", "# Not one.\na: {}\n", "a:\n  # -- B.\n  b: 1\n  c: 2\n"]
        {
            let error = rows(text).err().unwrap().to_string();
            assert!(error.contains("has no comment in values.yaml"), "{error}");
        }
    }
}
