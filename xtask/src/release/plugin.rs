//! The kubectl plugin: a program that needs nothing of the system, packed, and its manifest for krew.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::write;
use crate::environment::variable;
use crate::program::Program;
use crate::repository::Repository;

const PROGRAM: &str = "kubectl-ping";
/// The manifest of the plugin in a release.
pub(super) const MANIFEST: &str = "krew-ping.yaml";

/// Packs the program into the folder, and writes the manifest beside it.
pub(super) fn write_into(repository: &Repository, version: &str, folder: &Path) -> Result<()> {
    let built = crate::cargo::release_programs(repository, &[PROGRAM])?.join(PROGRAM);
    require_static(&built)?;
    let parts = folder.join(".plugin");
    fs::create_dir_all(&parts)?;
    fs::copy(&built, parts.join(PROGRAM))?;
    fs::copy(repository.path("LICENSE"), parts.join("LICENSE"))?;
    let archive = archive_name(std::env::consts::ARCH)?;
    Program::new("tar")
        .arguments(["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "-czf"])
        .argument(folder.join(&archive))
        .argument("--directory")
        .argument(&parts)
        .arguments([PROGRAM, "LICENSE"])
        .quietly()?;
    fs::remove_dir_all(&parts)?;
    let sum = Program::new("sha256sum").argument(folder.join(&archive)).output()?;
    let sum = sum.split_whitespace().next().context("sha256sum printed nothing")?;
    let address = format!("{}/{archive}", downloads(version));
    let filled = manifest(&repository.read("kubectl-ping/krew.yaml")?, version, &address, sum)?;
    write(&folder.join(MANIFEST), &filled)
}

/// Where the files of the release will be: the workflow says so.
fn downloads(version: &str) -> String {
    let given = variable("DOWNLOADS_URL").map(|url| url.trim_end_matches('/').to_owned());
    given.unwrap_or_else(|| format!("https://pingstack.dev/releases/v{version}"))
}

/// A program with glibc linked in runs on every Linux of its processor.
fn require_static(program: &Path) -> Result<()> {
    let octets = fs::read(program).with_context(|| format!("{} was not built", program.display()))?;
    if names_a_loader(&octets)? {
        bail!("{} needs libraries of the system it was built on: see dev/release-build", program.display());
    }
    Ok(())
}

/// Whether an ELF file of 64 bits has a segment with the name of a dynamic loader (`PT_INTERP`).
fn names_a_loader(elf: &[u8]) -> Result<bool> {
    const INTERPRETER: usize = 3;
    let octets = |at: usize, length: usize| elf.get(at..at + length).context("not a whole ELF file");
    let number = |at: usize, length: usize| -> Result<usize> {
        let value =
            octets(at, length)?.iter().rev().fold(0_u64, |value, octet| (value << 8) | u64::from(*octet));
        Ok(usize::try_from(value)?)
    };
    if octets(0, 6)? != b"\x7fELF\x02\x01" {
        bail!("not an ELF file of 64 bits");
    }
    let (table, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
    for entry in 0..count {
        if number(table + entry * size, 4)? == INTERPRETER {
            return Ok(true);
        }
    }
    Ok(false)
}

fn architecture(processor: &str) -> Result<&'static str> {
    match processor {
        "x86_64" => Ok("amd64"),
        "aarch64" => Ok("arm64"),
        other => bail!("no plugin is released for the processor {other}"),
    }
}

fn archive_name(processor: &str) -> Result<String> {
    Ok(format!("{PROGRAM}_linux_{}.tar.gz", architecture(processor)?))
}

fn manifest(template: &str, version: &str, address: &str, sum: &str) -> Result<String> {
    let values = [
        ("VERSION", version),
        ("ARCHITECTURE", architecture(std::env::consts::ARCH)?),
        ("ADDRESS", address),
        ("CHECKSUM", sum),
    ];
    // Its head speaks of the template.
    let body = template.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n") + "\n";
    Ok(values.iter().fold(body, |text, (name, value)| text.replace(name, value)))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{archive_name, manifest, names_a_loader};
    use crate::repository::Repository;

    #[test]
    fn the_manifest_names_version_archive_and_checksum() {
        let template = Repository::of_this_program().read("kubectl-ping/krew.yaml").unwrap();
        let filled = manifest(&template, "1.2.3", "https://example.org/a.tar.gz", &"0".repeat(64)).unwrap();
        let filled: Value = serde_yaml::from_str(&filled).unwrap();
        assert_eq!(
            (&filled["metadata"]["name"], &filled["spec"]["version"]),
            (&"ping".into(), &"v1.2.3".into())
        );
        let platform = &filled["spec"]["platforms"][0];
        assert_eq!(platform["uri"], "https://example.org/a.tar.gz");
        assert_eq!(platform["sha256"], "0".repeat(64));
        assert_eq!(platform["bin"], "kubectl-ping");
        // krew's index takes at most 50 characters.
        let short = filled["spec"]["shortDescription"].as_str().unwrap();
        assert!(short.len() <= 50, "{short}");
    }

    #[test]
    fn an_archive_is_named_after_the_processor() {
        assert_eq!(archive_name("aarch64").unwrap(), "kubectl-ping_linux_arm64.tar.gz");
        assert!(archive_name("riscv64").is_err());
    }

    #[test]
    fn a_program_that_needs_a_loader_is_found() {
        // Head of 64 octets, one entry of the table.
        let elf = |type_: u8| {
            let mut octets = vec![0; 64 + 56];
            octets[..6].copy_from_slice(b"\x7fELF\x02\x01");
            (octets[32], octets[54], octets[56], octets[64]) = (64, 56, 1, type_);
            octets
        };
        assert!(names_a_loader(&elf(3)).unwrap());
        assert!(!names_a_loader(&elf(1)).unwrap());
        assert!(names_a_loader(b"#!/bin/sh").is_err());
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(names_a_loader(&own).unwrap(), "this test is linked dynamically");
    }
}
