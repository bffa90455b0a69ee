//! What a rendered mail must be: small, readable, with the code as one text, and without anything that runs or loads.

mod html;

pub(crate) use self::html::html;
use crate::characters::{hidden_beside, is_direction_control};

/// The largest HTML part, in octets: Gmail cuts mails off near 102 KB.
pub(crate) const MAX_HTML: usize = 60_000;

/// The largest text part, in octets.
pub(crate) const MAX_TEXT: usize = 8_000;

/// What is wrong with a part.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) what: String,
    pub(crate) fix: String,
    /// What the layout probably has in the line that is to blame.
    pub(crate) trace: Option<String>,
}

impl Problem {
    fn new(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { what: what.into(), fix: fix.into(), trace: None }
    }

    fn at(self, trace: impl Into<String>) -> Self {
        Self { trace: Some(trace.into()), ..self }
    }
}

/// What is wrong with a text part.
pub(crate) fn text(text: &str, code: &str) -> Vec<Problem> {
    let mut problems = size(text, MAX_TEXT);
    let is_part = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let stands_alone = |(at, _): (usize, &str)| {
        !is_part(text[..at].chars().next_back()) && !is_part(text[at + code.len()..].chars().next())
    };
    if !text.match_indices(code).any(stands_alone) {
        problems.push(Problem::new("the text part lacks the code", "write {{ code }} on a line of its own"));
    }
    problems.extend(characters(text, code));
    problems
}

fn size(part: &str, most: usize) -> Vec<Problem> {
    let octets = part.len();
    let problem = format!("the part has {octets} octets");
    let found =
        (octets > most).then(|| Problem::new(problem, format!("make it smaller: {most} are allowed")));
    found.into_iter().collect()
}

fn characters(text: &str, code: &str) -> Option<Problem> {
    let hidden = hidden_beside(text, code).or_else(|| text.chars().find(|c| is_direction_control(*c)))?;
    let problem = format!("there is the invisible character U+{:04X}", u32::from(hidden));
    Some(
        Problem::new(
            problem,
            "delete it: directions are set with dir, and nothing hidden may stand beside the code",
        )
        .at(hidden),
    )
}
