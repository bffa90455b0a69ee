//! How a program reads its environment.

use std::process::Command;

/// Fails unless the program ends in the same way without any variable and with all of its variables empty. The program must
/// refuse to start without settings.
///
/// # Panics
/// If it does not, or cannot be run.
pub fn assert_empty_is_unset(program: &str) {
    let help = run(Command::new(program).arg("--help").env_clear());
    let variables = help.split("[env: ").skip(1).filter_map(|rest| rest.split(['=', ']']).next());
    let variables = variables.map(|name| (name, "")).collect::<Vec<_>>();
    assert!(variables.len() > 5, "--help names no variables:\n{help}");
    let unset = run(Command::new(program).env_clear());
    let empty = run(Command::new(program).env_clear().envs(variables));
    assert!(!unset.trim().is_empty(), "{program} ends without a word");
    assert_eq!(without_digits(&empty), without_digits(&unset));
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("the program does not run: {error}"));
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    format!("{text}{}", output.status)
}

/// Log lines begin with the time.
fn without_digits(text: &str) -> String {
    text.chars().filter(|c| !c.is_ascii_digit()).collect()
}
