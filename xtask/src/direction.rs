//! Which way imports may go: between the crates of the workspace ([`crates`]), and between the rooms inside each of them.
//!
//! A room is a module at the top of a crate with everything below it: `src/smtp.rs` and `src/smtp/` are the room `smtp`. The
//! root files are rooms too, `lib`, `main` and `bin`. [`tables`] has the rooms of each crate from top to bottom, and no
//! room imports one above it. So there are no circles, and a room can be read with only those below it in mind.

mod crates;
mod imports;
mod rooms;
mod tables;

use anyhow::{Result, bail};

use self::crates::Workspace;
use self::rooms::Crate;
use self::tables::TABLES;
use crate::repository::Repository;

pub(crate) fn check(repository: &Repository) -> Result<String> {
    let workspace = Workspace::read(repository)?;
    let mut violations = workspace.forbidden_imports();
    violations.extend(tables::out_of_date(&workspace.folders()));
    for table in TABLES {
        violations.extend(Crate::read(repository, table.folder)?.violations(table.rooms));
    }
    if !violations.is_empty() {
        bail!("correct these:\n  {}", violations.join("\n  "));
    }
    Ok(format!(
        "nothing but bench imports a program, and the rooms of {} crates import downwards",
        TABLES.len()
    ))
}

/// What each room of a crate imports, and where: to find the order of a new table.
pub(crate) fn print_rooms(repository: &Repository, folder: &str) -> Result<String> {
    Ok(Crate::read(repository, folder)?.description())
}
