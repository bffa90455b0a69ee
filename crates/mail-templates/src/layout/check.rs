//! What can be said of a layout before it is rendered.

use minijinja::Error;

use super::{
    Layout,
    tags::{findings, line_of_variable},
    variables::NAMES,
};
use crate::finding::Finding;

/// Compiles an administrator's layout, or says what is wrong with it.
pub(crate) fn checked(name: &'static str, source: &str) -> Result<Layout, Vec<Finding>> {
    let refused = findings(name, source);
    if !refused.is_empty() {
        return Err(refused);
    }
    let layout = Layout::compile(name, source.to_owned()).map_err(|error| vec![finding(name, &error)])?;
    let unknown = unknown_variables(&layout, source);
    if unknown.is_empty() { Ok(layout) } else { Err(unknown) }
}

fn unknown_variables(layout: &Layout, source: &str) -> Vec<Finding> {
    let used =
        layout.environment.get_template(layout.name).map(|template| template.undeclared_variables(true));
    let mut unknown = used.unwrap_or_default().into_iter().collect::<Vec<_>>();
    unknown.retain(|variable| !NAMES.contains(&variable.as_str()));
    unknown.sort();
    let find = |variable: &String| {
        let problem = format!("there is no variable {variable}");
        let fix = format!("the variables are {}", NAMES.join(", "));
        Finding::new(layout.name, line_of_variable(source, variable), problem, fix)
    };
    unknown.iter().map(find).collect()
}

/// An error of minijinja, when compiling or rendering.
pub(crate) fn finding(file: &str, error: &Error) -> Finding {
    use minijinja::ErrorKind::{OutOfFuel, SyntaxError, UndefinedError};
    let line = error.line().and_then(|line| u32::try_from(line).ok());
    let detail = error
        .detail()
        .map_or_else(|| error.kind().to_string(), |detail| format!("{}: {detail}", error.kind()));
    let fix = match error.kind() {
        SyntaxError => {
            "correct the tag: {{ variable }} shows a value, {% if variable %} … {% endif %} tests one"
        }
        OutOfFuel => "make it smaller: a layout needs no loops over long texts",
        UndefinedError => "test what a brand may lack first, as in {% if brand.logo %}",
        _ => "write variables, comparisons, and, or and not",
    };
    Finding::new(file, line, detail, fix)
}
