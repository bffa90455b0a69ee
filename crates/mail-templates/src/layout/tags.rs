//! The tags of a layout, `{{ … }}` and `{% … %}`, and what may stand in them.
//!
//! minijinja without its features has no filters, tests, functions, macros and includes, and says so when it gets there: perhaps
//! in a branch that only one brand takes. This looks at all tags, and refuses besides what would turn escaping off.

use crate::finding::{Finding, line_at};

/// The statements of a layout.
const STATEMENTS: [&str; 8] = ["if", "elif", "else", "endif", "for", "endfor", "set", "endset"];

/// A tag: the octet at which it begins in the layout, and what is between its brackets.
pub(super) struct Tag<'a> {
    at: usize,
    is_statement: bool,
    body: &'a str,
}

/// All tags outside comments.
pub(super) fn tags(source: &str) -> Vec<Tag<'_>> {
    let mut tags = Vec::new();
    let mut at = 0;
    while let Some(open) = source[at..].find('{').map(|brace| at + brace) {
        let (closing, is_statement) = match source.as_bytes().get(open + 1) {
            Some(b'{') => ("}}", false),
            Some(b'%') => ("%}", true),
            Some(b'#') => {
                at = source[open..].find("#}").map_or(source.len(), |end| open + end + 2);
                continue;
            }
            _ => {
                at = open + 1;
                continue;
            }
        };
        let inside = &source[open + 2..];
        let length = end_outside_quotes(inside, closing);
        tags.push(Tag { at: open, is_statement, body: inside[..length].trim_matches(['-', '+']).trim() });
        at = (open + 2 + length + 2).min(source.len());
    }
    tags
}

fn end_outside_quotes(inside: &str, closing: &str) -> usize {
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in inside.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            None if c == '"' || c == '\'' => quote = Some(c),
            None if inside[at..].starts_with(closing) => return at,
            _ => {}
        }
    }
    inside.len()
}

/// What is wrong with the tags.
pub(super) fn findings(file: &str, source: &str) -> Vec<Finding> {
    let find = |tag: Tag<'_>| {
        let (problem, fix) = refusal(&tag)?;
        Some(Finding::new(file, Some(line_at(source, tag.at)), problem, fix))
    };
    tags(source).into_iter().filter_map(find).collect()
}

fn refusal(tag: &Tag<'_>) -> Option<(String, String)> {
    let statement = tag.body.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
    if tag.is_statement && !STATEMENTS.contains(&statement) {
        let problem = format!("the statement {statement} is not allowed");
        return Some((problem, format!("the statements are {}", STATEMENTS.join(", "))));
    }
    let code = without_texts(tag.body);
    if code.contains('|') {
        let problem = "filters such as |safe are not allowed".to_owned();
        return Some((
            problem,
            "write the variable alone: code.html escapes it, code.txt shows it as it is".to_owned(),
        ));
    }
    if code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "is") {
        let problem = "tests with `is` are not allowed".to_owned();
        return Some((problem, "write {% if brand.site %}: what a brand lacks is empty".to_owned()));
    }
    code.contains(['{', '(']).then(|| {
        let problem = "calls, brackets and maps are not allowed".to_owned();
        (problem, "write variables, comparisons, and, or and not".to_owned())
    })
}

/// The code of a tag with its quoted texts left out.
fn without_texts(body: &str) -> String {
    let mut code = String::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = rest.find(['"', '\'']) {
        code.push_str(&rest[..at]);
        code.push(' ');
        let quote = if rest[at..].starts_with('"') { "\"" } else { "'" };
        let text = &rest[at + 1..];
        // A closing quote is where `end_outside_quotes` would see one.
        let end = text.char_indices().scan(false, |escaped, (at, c)| {
            let is_end = !*escaped && quote.contains(c);
            *escaped = !*escaped && c == '\\';
            Some((at, is_end))
        });
        let end = end.into_iter().find_map(|(at, is_end)| is_end.then_some(at));
        rest = end.map_or("", |end| &text[end + 1..]);
    }
    code.push_str(rest);
    code
}

/// The line of the first tag that uses a variable.
pub(super) fn line_of_variable(source: &str, variable: &str) -> Option<u32> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    let uses = |tag: &Tag<'_>| without_texts(tag.body).split(|c| !is_part(c)).any(|word| word == variable);
    tags(source).into_iter().find(uses).map(|tag| line_at(source, tag.at))
}
