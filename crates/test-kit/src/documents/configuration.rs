//! What a program reads, from clap's own description of it.

use clap::Arg;

use super::{grouped, table};

/// A table for each group of settings.
pub(super) fn tables(command: &clap::Command) -> String {
    let settings =
        command.get_arguments().filter(|arg| !["help", "version"].contains(&arg.get_id().as_str()));
    let groups =
        grouped(settings.map(|arg| (arg.get_help_heading().unwrap_or_default().to_owned(), row(arg))));
    let head = ["variable", "flag", "default", "meaning"];
    let section = |(heading, rows): &(String, Vec<Vec<String>>)| match heading.as_str() {
        "" => table(&head, rows),
        heading => format!("**{heading}**\n\n{}", table(&head, rows)),
    };
    groups.iter().map(section).collect::<Vec<_>>().join("\n")
}

fn row(arg: &Arg) -> Vec<String> {
    let code = |text: &str| format!("`{text}`");
    let variable = arg.get_env().map_or("–".to_owned(), |name| code(&name.to_string_lossy()));
    let flag = arg.get_long().map_or("–".to_owned(), |flag| code(&format!("--{flag}")));
    let defaults = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect::<Vec<_>>();
    let default = match defaults.join(",") {
        _ if arg.is_required_set() => "must be set".to_owned(),
        default if default.is_empty() => "–".to_owned(),
        default => code(&default),
    };
    let help = arg.get_long_help().or_else(|| arg.get_help()).map(ToString::to_string).unwrap_or_default();
    vec![variable, flag, default, format!("{}{}", help.trim_end_matches('.'), choices(arg))]
}

/// The values that an argument may have, where they are few. A switch has none: it is there, or not.
fn choices(arg: &Arg) -> String {
    let values = arg.get_possible_values();
    let names = values.iter().map(|value| format!("`{}`", value.get_name())).collect::<Vec<_>>();
    match names.as_slice() {
        [] => String::new(),
        names if names == ["`true`", "`false`"] => ": `true` or `false`".to_owned(),
        names => format!(". One of {}", names.join(", ")),
    }
}
