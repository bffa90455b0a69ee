//! Reading settings: an empty variable is an unset one, and parsers for clap's `value_parser`, which say how to write what
//! they refuse.

use std::{
    convert::Infallible,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Command, builder::Resettable};

/// A password, a user or a URL as a Secret holds it: without the line break that editors, `echo` and `base64` leave at its end.
/// Keys are not read by it: whoever shares one has its every octet.
///
/// # Errors
/// None.
#[must_use]
pub fn from_secret<T: From<String>>(text: &str) -> Result<T, Infallible> {
    Ok(without_line_end(text).to_owned().into())
}

/// The text without one line break at its end.
#[must_use]
pub fn without_line_end(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

/// The command without the environment variables that are empty: to Compose files and charts, `X=` means that X is not
/// set. Subcommands are included.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "for the config.rs of every binary")]
pub fn empty_is_unset(command: Command) -> Command {
    let names = command.get_subcommands().map(|command| command.get_name().to_owned()).collect::<Vec<_>>();
    let is_empty =
        |arg: &clap::Arg| arg.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
    let command = command.mut_args(|arg| if is_empty(&arg) { arg.env(Resettable::Reset) } else { arg });
    names.into_iter().fold(command, |command, name| command.mut_subcommand(name, empty_is_unset))
}

/// The name of a vhost. A slash at its beginning may be written as URLs write it, `%2f`.
///
/// # Errors
/// What to write instead.
pub fn vhost(text: &str) -> Result<String, &'static str> {
    if text.len() > 255 {
        return Err("use the name of a vhost, of at most 255 octets");
    }
    let rest = text.strip_prefix("%2f").or_else(|| text.strip_prefix("%2F"));
    Ok(rest.map_or_else(|| text.to_owned(), |rest| format!("/{rest}")))
}

/// `500ms`, `10s` or `5m`, at least a millisecond.
///
/// # Errors
/// The text is anything else; says what to use.
pub fn duration(text: &str) -> Result<Duration, &'static str> {
    const USE: &str = "use a whole number and a unit, such as 500ms, 10s or 5m";
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number = number.parse::<u32>().ok().filter(|n| *n > 0).ok_or(USE)?;
    match unit {
        "ms" => Ok(Duration::from_millis(number.into())),
        "s" => Ok(Duration::from_secs(number.into())),
        "m" => Ok(Duration::from_mins(number.into())),
        _ => Err(USE),
    }
}

/// The files of a folder, by their names. Folders and names that begin with a dot are skipped: Kubernetes keeps the versions of a
/// mounted Secret or `ConfigMap` there.
pub fn visible_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
        if !is_hidden && !entry.path().is_dir() {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{duration, from_secret, without_line_end};

    #[test]
    fn one_line_break_at_the_end_of_a_secret_is_left_out_and_nothing_else() {
        for (text, kept) in [
            ("s3cret", "s3cret"),
            ("s3cret\n", "s3cret"),
            ("s3cret\r\n", "s3cret"),
            ("s3cret\r", "s3cret"),
            ("s3cret\n\n", "s3cret\n"),
            (" s3 cret ", " s3 cret "),
            ("\ns3cret", "\ns3cret"),
            ("\n", ""),
        ] {
            assert_eq!(without_line_end(text), kept, "{text:?}");
            assert_eq!(from_secret::<String>(text), Ok(kept.to_owned()));
        }
    }

    #[test]
    fn a_duration_has_a_whole_number_and_a_unit() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("5m"), Ok(Duration::from_mins(5)));
        for text in ["", "10", "0s", "s", "-1s", "1.5s", "1h", "10 s", "99999999999s"] {
            assert!(duration(text).is_err(), "{text:?}");
        }
    }
}
