//! The whole run: its parts one after the other, the table at the end.

use std::io::{self, Write as _};

use anyhow::Result;

use crate::{
    aims,
    config::{Part, RunOptions},
    login_path, mail_path, original,
    rig::Bench,
    scale, table,
};

/// Runs all parts. `false` if a round does not count, or a part could not be finished: the next one goes on.
pub(crate) async fn run(options: RunOptions) -> Result<bool> {
    let bench = Bench::prepare(options).await?;
    let mut finished = true;
    for part in bench.options.parts.clone() {
        let ended = match part {
            Part::Login => login_path::run(&bench).await,
            Part::Mail => mail_path::run(&bench).await,
            Part::Scale => scale::run(&bench).await,
            Part::Original => original::run(&bench).await,
        };
        if let Err(error) = ended {
            finished = false;
            writeln!(io::stderr(), "bench: the part {part:?} could not be finished: {error:#}")?;
        }
    }
    let rounds = bench.finish().await?;
    write!(io::stdout(), "{}{}", table::markdown(&rounds), aims::markdown(&rounds))?;
    Ok(finished && rounds.iter().all(|round| round.invalid.is_none()))
}
