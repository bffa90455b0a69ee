//! The fault suite. `dev/test-faults` says how it is started.

use anyhow::Result;

use crate::cargo;
use crate::program::Program;
use crate::repository::Repository;

pub(crate) fn run(repository: &Repository, arguments: &[String]) -> Result<String> {
    repository.need("faketime", "faketime")?;
    let (is_full, names) = match arguments {
        [full, names @ ..] if full == "full" => (true, names),
        names => (false, names),
    };
    // The same build as `make test` has, programs included: naming one package would build its dependencies anew.
    let cargo_test = ["cargo", "test", "--workspace", "--locked"];
    Program::new(cargo_test[0])
        .arguments(&cargo_test[1..])
        .arguments(["--no-run", "--quiet"])
        .inside(repository.root())
        .shown()?;
    let faults = || {
        Program::new(repository.path("dev/with-servers"))
            .arguments(cargo_test)
            .arguments(["--test", "faults", "--", "--nocapture"])
            .inside(repository.root())
    };
    // Most of a case is waiting: more run at a time than there are cores.
    faults().argument("--test-threads=4").arguments(names).shown()?;
    if is_full {
        // The long soak has the machine for itself, and the services as the images have them: with those built, this compiles
        // nothing.
        let programs = cargo::release_programs(repository, &["user-service", "mail-service"])?;
        faults()
            .argument("--ignored")
            .arguments(names)
            .variable("RELEASE_PROGRAMS", &programs.display().to_string())
            .shown()?;
    }
    Ok(String::new())
}
