//! The rooms of a crate, and the imports between them.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};

use super::imports::{Import, Imports, Reexport};
use crate::repository::Repository;

pub(super) struct Crate {
    folder: String,
    files: Vec<File>,
    /// Rooms that exist in tests alone, such as `fixtures`: they know every room, and tests of every room use them. The
    /// compiler keeps them out of everything else, so they have no place in the order.
    test_rooms: BTreeSet<String>,
}

struct File {
    path: String,
    room: String,
    imports: Vec<Import>,
    reexports: Vec<Reexport>,
}

/// A line of one room that imports another.
struct Step<'a> {
    from: &'a str,
    to: &'a str,
    file: &'a str,
    import: &'a Import,
}

impl Crate {
    pub(super) fn read(repository: &Repository, folder: &str) -> Result<Self> {
        let source = format!("{folder}/src");
        let mut files = Vec::new();
        let mut test_rooms = BTreeSet::new();
        for path in repository.files_below(&source, ".rs")? {
            let module = module_of(&path[source.len() + 1..]);
            let room = module.room.clone();
            let imports = Imports::of(&repository.read(&path)?, module.path)
                .with_context(|| format!("{path} cannot be parsed"))?;
            test_rooms.extend(imports.test_modules);
            files.push(File { path, room, imports: imports.found, reexports: imports.reexports });
        }
        Ok(Self { folder: folder.to_owned(), files, test_rooms })
    }

    fn rooms(&self) -> BTreeSet<&str> {
        self.files.iter().map(|file| file.room.as_str()).collect()
    }

    fn root(&self) -> &str {
        if self.rooms().contains("lib") { "lib" } else { "main" }
    }

    /// The room that a path of this crate leads into. A name that the root file re-exports belongs to the room where it is
    /// defined; other names outside the rooms belong to the root.
    fn room_of<'a>(&'a self, path: &'a [String]) -> &'a str {
        let Some(first) = path.first() else { return self.root() };
        if self.rooms().contains(first.as_str()) {
            return first;
        }
        let reexports = self.files.iter().flat_map(|file| &file.reexports);
        let mut origins =
            reexports.filter(|reexport| reexport.name == *first).filter_map(|reexport| reexport.path.first());
        origins.find(|origin| self.rooms().contains(origin.as_str())).map_or(self.root(), String::as_str)
    }

    fn steps(&self) -> impl Iterator<Item = Step<'_>> {
        let steps = self.files.iter().flat_map(move |file| {
            file.imports.iter().map(move |import| Step {
                from: &file.room,
                to: self.room_of(&import.path),
                file: &file.path,
                import,
            })
        });
        let is_test_support = |room: &str| self.test_rooms.contains(room);
        steps.filter(move |step| {
            step.from != step.to && !is_test_support(step.from) && !is_test_support(step.to)
        })
    }

    /// What breaks the order of the rooms, which `table` has from top to bottom.
    pub(super) fn violations(&self, table: &[&str]) -> Vec<String> {
        let mut violations = self.differences(table);
        violations.extend(self.imports_upwards(table));
        violations.extend(self.globs_of_the_root());
        violations.dedup();
        violations
    }

    /// Rooms that are in only one of the crate and its table.
    fn differences(&self, table: &[&str]) -> Vec<String> {
        let Self { folder, test_rooms, .. } = self;
        let rooms = self.rooms();
        let missing = rooms.iter().filter(|room| !table.contains(*room) && !test_rooms.contains(**room));
        let missing = missing.map(|room| format!("{folder}: room {room} is not in the table"));
        let gone = table.iter().filter(|room| !rooms.contains(**room));
        let gone = gone.map(|room| format!("{folder}: the table has a room {room}, which does not exist"));
        missing.chain(gone).collect()
    }

    fn imports_upwards(&self, table: &[&str]) -> impl Iterator<Item = String> {
        let place = |room: &str| table.iter().position(|name| *name == room);
        self.steps().filter(move |step| place(step.to) < place(step.from)).map(|step| {
            let Step { from, to, file, import } = step;
            let path = import.path.join("::");
            format!("{file}:{}: {from} imports {to}, which is above it (crate::{path})", import.line)
        })
    }

    /// `use crate::*` would hide which rooms a room imports.
    fn globs_of_the_root(&self) -> impl Iterator<Item = String> {
        let is_root = |room: &str| ["lib", "main", "bin"].contains(&room);
        let inside = self
            .files
            .iter()
            .filter(move |file| !is_root(&file.room) && !self.test_rooms.contains(&file.room));
        inside.flat_map(|file| {
            let globs = file.imports.iter().filter(|import| import.path.is_empty());
            globs.map(|import| {
                format!("{}:{}: imports all of the root: name what it needs", file.path, import.line)
            })
        })
    }

    /// Each room with the rooms that it imports, and the first line that does.
    pub(super) fn description(&self) -> String {
        let mut edges = BTreeMap::new();
        for step in self.steps() {
            edges
                .entry((step.from, step.to))
                .or_insert_with(|| format!("{}:{}", step.file, step.import.line));
        }
        let mut lines: Vec<String> =
            edges.into_iter().map(|((from, to), place)| format!("{from} -> {to}  {place}")).collect();
        let alone = self.rooms().into_iter().filter(|room| self.steps().all(|step| step.from != *room));
        lines.extend(alone.map(|room| format!("{room} imports no other room")));
        lines.join("\n")
    }
}

struct Module {
    room: String,
    path: Vec<String>,
}

/// The module of a file by its path below `src`.
fn module_of(path: &str) -> Module {
    let mut parts: Vec<String> = path.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if parts.last().is_some_and(|last| last == "mod") {
        parts.pop();
    }
    let room = parts.first().cloned().unwrap_or_default();
    let is_root = parts.len() == 1 && (room == "lib" || room == "main");
    // Each file of src/bin is a root of its own.
    if is_root || room == "bin" {
        parts.clear();
    }
    Module { room, path: parts }
}

#[cfg(test)]
mod tests {
    use super::Crate;
    use crate::repository::planted;

    const TABLE: [&str; 4] = ["lib", "delivery", "queue", "smtp"];

    fn violations(changed: &[(&str, &str)]) -> Vec<String> {
        let mut files = vec![
            (
                "p/src/lib.rs",
                "mod delivery;\nmod queue;\nmod smtp;\npub use queue::Received;\npub const NAME: u8 = 1;\nuse smtp::Pool;",
            ),
            (
                "p/src/delivery.rs",
                "mod retry;\nuse crate::queue::Queue;\nuse crate::{Received, smtp::{self, Pool}};",
            ),
            ("p/src/delivery/retry.rs", "use super::Outcome;\nuse crate::smtp::Reply;"),
            ("p/src/queue.rs", "pub struct Queue;"),
            ("p/src/smtp.rs", "pub struct Pool;"),
        ];
        files.retain(|(path, _)| changed.iter().all(|(other, _)| other != path));
        files.extend(changed);
        let (_folder, repository) = planted::repository(&files);
        Crate::read(&repository, "p").unwrap().violations(&TABLE)
    }

    #[test]
    fn imports_downwards_are_no_violation() {
        assert_eq!(violations(&[]), [""; 0]);
    }

    #[test]
    fn an_import_upwards_is_found_in_each_of_its_forms() {
        let forms = [
            "use crate::delivery::Outcome;",
            "use crate::{smtp::Pool, delivery::{retry::{Retry}, Outcome}};",
            "fn f() -> u8 { crate::delivery::f() }",
            "fn f(_: &super::delivery::Outcome) {}",
            "fn f() { assert_eq!(1, crate::delivery::ONE); }",
            "#[serde(default = \"crate::delivery::one\")] struct S;",
            "mod tests { use super::super::delivery::Outcome; }",
        ];
        for form in forms {
            let found = violations(&[("p/src/queue.rs", form)]);
            assert!(!found.is_empty(), "{form}");
            for line in found {
                assert!(
                    line.starts_with("p/src/queue.rs:1: queue imports delivery, which is above it"),
                    "{form}: {line}"
                );
            }
        }
    }

    #[test]
    fn a_module_deep_in_a_room_is_of_the_room() {
        let found = violations(&[(
            "p/src/smtp/pool/slot.rs",
            "use super::super::super::queue::Queue;\nuse super::super::Pool;",
        )]);
        assert_eq!(
            found,
            ["p/src/smtp/pool/slot.rs:1: smtp imports queue, which is above it (crate::queue::Queue)"]
        );
    }

    #[test]
    fn a_name_of_the_root_is_of_the_room_where_it_comes_from() {
        let found = violations(&[("p/src/smtp.rs", "use crate::Received;\n\nuse crate::NAME;")]);
        assert_eq!(
            found,
            [
                "p/src/smtp.rs:1: smtp imports queue, which is above it (crate::Received)",
                "p/src/smtp.rs:3: smtp imports lib, which is above it (crate::NAME)",
            ]
        );
    }

    #[test]
    fn a_glob_of_the_root_is_found() {
        let found = violations(&[("p/src/smtp.rs", "use super::*;")]);
        assert!(
            found.contains(&"p/src/smtp.rs:1: imports all of the root: name what it needs".to_owned()),
            "{found:?}"
        );
    }

    #[test]
    fn rooms_of_tests_alone_have_no_place_in_the_order() {
        let files = [
            ("p/src/lib.rs", "#[cfg(test)]\nmod fixtures;\nmod queue;"),
            ("p/src/fixtures.rs", "use crate::queue::Queue;"),
            ("p/src/queue.rs", "mod tests { use crate::fixtures::queue; }"),
        ];
        let (_folder, repository) = planted::repository(&files);
        assert_eq!(Crate::read(&repository, "p").unwrap().violations(&["lib", "queue"]), [""; 0]);
    }

    #[test]
    fn every_room_is_in_the_table_and_the_table_has_no_other() {
        let (_folder, repository) = planted::repository(&[("p/src/lib.rs", ""), ("p/src/new/a.rs", "")]);
        let found = Crate::read(&repository, "p").unwrap().violations(&["lib", "old"]);
        assert_eq!(
            found,
            ["p: room new is not in the table", "p: the table has a room old, which does not exist"]
        );
    }
}
