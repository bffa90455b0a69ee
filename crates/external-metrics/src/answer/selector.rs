//! Label selectors as they come in a query: `queue=demo`, `queue in (a,b)`, `!x`. kube can match selectors,
//! and has no parser for them.

use std::collections::BTreeSet;

use kube::core::{Expression, Selector};

/// Not a label selector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("labelSelector is malformed: write LABEL=VALUE, or LABEL in (VALUE,VALUE)")]
pub struct Malformed;

/// Parses a selector; an empty text selects everything.
pub fn parse(text: &str) -> Result<Selector, Malformed> {
    let mut selector = Selector::default();
    for requirement in requirements(text)? {
        selector.extend(expression(requirement.trim())?);
    }
    Ok(selector)
}

/// Splits at the commas outside of parentheses.
fn requirements(text: &str) -> Result<Vec<&str>, Malformed> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let mut parts = Vec::new();
    let mut start = 0;
    let mut depth = 0_u32;
    for (at, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.checked_sub(1).ok_or(Malformed)?,
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    if depth == 0 { Ok(parts) } else { Err(Malformed) }
}

fn expression(text: &str) -> Result<Expression, Malformed> {
    if let Some(key) = text.strip_prefix('!') {
        return Ok(Expression::DoesNotExist(word(key)?));
    }
    if let Some((key, value)) = text.split_once("!=") {
        return Ok(Expression::NotEqual(word(key)?, value_of(value)?));
    }
    if let Some((key, value)) = text.split_once('=') {
        return Ok(Expression::Equal(word(key)?, value_of(value.strip_prefix('=').unwrap_or(value))?));
    }
    let Some((key, set)) = text.split_once(char::is_whitespace) else {
        return Ok(Expression::Exists(word(text)?));
    };
    let set = set.trim();
    if let Some(values) = set.strip_prefix("notin") {
        return Ok(Expression::NotIn(word(key)?, values_of(values)?));
    }
    let values = set.strip_prefix("in").ok_or(Malformed)?;
    Ok(Expression::In(word(key)?, values_of(values)?))
}

fn values_of(text: &str) -> Result<BTreeSet<String>, Malformed> {
    let inside = text.trim().strip_prefix('(').and_then(|text| text.strip_suffix(')')).ok_or(Malformed)?;
    inside.split(',').map(value_of).collect()
}

fn word(text: &str) -> Result<String, Malformed> {
    let text = value_of(text)?;
    if text.is_empty() { Err(Malformed) } else { Ok(text) }
}

/// A value may be empty; a key may hold a slash.
fn value_of(text: &str) -> Result<String, Malformed> {
    let text = text.trim();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
    if text.bytes().all(plain) { Ok(text.to_owned()) } else { Err(Malformed) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use kube::core::SelectorExt as _;

    use super::{Malformed, parse};

    fn matches(selector: &str) -> bool {
        let labels = BTreeMap::from([("queue".to_owned(), "demo".to_owned())]);
        parse(selector).unwrap().matches(&labels)
    }

    #[test]
    fn every_form_of_requirement_is_understood() {
        let selecting = [
            "",
            " ",
            "queue=demo",
            "queue==demo",
            "queue = demo",
            "queue in (a, demo)",
            "queue",
            "queue!=a",
            "queue notin (a,b)",
            "!other",
            "queue=demo,!other",
            "other!=x",
        ];
        for selector in selecting {
            assert!(matches(selector), "{selector}");
        }
        let others = [
            "queue=a",
            "queue!=demo",
            "queue notin (demo)",
            "queue in (a,b)",
            "!queue",
            "other",
            "queue=demo,other=x",
            "queue=",
        ];
        for selector in others {
            assert!(!matches(selector), "{selector}");
        }
    }

    #[test]
    fn what_is_no_selector_is_refused() {
        let malformed = [
            "=",
            "=demo",
            "a in",
            "a in b",
            "a in (b",
            "a in b)",
            "a within (b)",
            "a b",
            ",",
            "a=b=c",
            "a=b;c",
            "a=(",
            "!",
        ];
        for selector in malformed {
            assert_eq!(parse(selector), Err(Malformed), "{selector}");
        }
    }
}
