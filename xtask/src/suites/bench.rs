//! `make bench` and `make bench-micro`, with the programs as the images have them.

use std::fs;

use anyhow::Result;

use crate::cargo;
use crate::environment::variable;
use crate::program::Program;
use crate::repository::Repository;

/// Measures both services beside what limits them; with `micro` first, counts the instructions of steps without I/O.
pub(crate) fn run(repository: &Repository, arguments: &[String]) -> Result<String> {
    match arguments {
        [micro, options @ ..] if micro == "micro" => count_instructions(repository, options),
        options => measure(repository, options),
    }
}

fn measure(repository: &Repository, options: &[String]) -> Result<String> {
    repository.need("taskset", "util-linux")?;
    let programs = cargo::release_programs(repository, &["bench", "user-service", "mail-service"])?;
    let clients = if options.iter().any(|option| option.contains("original")) {
        vec![
            "--clients".to_owned(),
            Program::new(repository.path("dev/tool")).argument("clients").output()?.trim_end().to_owned(),
        ]
    } else {
        Vec::new()
    };
    let bench = Program::new(repository.path("dev/with-servers"))
        .argument(programs.join("bench"))
        .argument("run")
        .arguments(options)
        .arguments(&clients)
        .inside(repository.root());
    // Only what is measured shall run: no Mailpit, no MongoDB.
    let named = ["SMTP_HOST", "MAILPIT_URL", "TEST_MONGO_URI"];
    let bench = named.iter().fold(bench, |bench, name| bench.variable(name, "none"));
    Err(bench.replace_this_process())
}

/// Under valgrind; compares the counts with `bench/instructions.json`.
fn count_instructions(repository: &Repository, options: &[String]) -> Result<String> {
    repository.need("valgrind", "valgrind")?;
    let runner = Program::new(repository.path("dev/tool")).argument("gungraun-runner").output()?;
    let tools = runner.trim_end().trim_end_matches("/gungraun-runner");
    let programs = cargo::release_programs(repository, &["bench", "instructions"])?;
    let counts = repository.path(".build/bench-micro");
    if counts.exists() {
        fs::remove_dir_all(&counts)?;
    }
    Program::new(programs.join("instructions"))
        .argument("--bench")
        .variable("PATH", &format!("{tools}:{}", variable("PATH").unwrap_or_default()))
        .variable("GUNGRAUN_HOME", &counts.display().to_string())
        .variable("GUNGRAUN_SAVE_SUMMARY", "json")
        .inside(repository.root())
        .shown()?;
    Program::new(programs.join("bench"))
        .arguments(["instructions", "--summaries"])
        .argument(&counts)
        .arguments(options)
        .inside(repository.root())
        .shown()?;
    Ok(String::new())
}
