//! The environment of xtask.

use std::ffi::OsString;

/// A variable that is set and not empty.
#[expect(clippy::disallowed_methods, reason = "the only place of xtask that reads the environment")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The names of the variables by which Cargo describes the package of a program that it runs, such as xtask's own.
///
/// Build scripts that depend on them would run again, and with them most dependencies, each time that another program calls Cargo.
pub(crate) fn names_about_package() -> impl Iterator<Item = OsString> {
    std::env::vars_os().map(|(name, _)| name).filter(|name| name.to_str().is_some_and(is_about_package))
}

fn is_about_package(name: &str) -> bool {
    name.starts_with("CARGO_PKG_")
        || ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "CARGO_BIN_NAME", "CARGO_PRIMARY_PACKAGE"]
            .contains(&name)
}

#[cfg(test)]
mod tests {
    use super::is_about_package;

    #[test]
    fn settings_of_cargo_are_told_from_what_it_says_about_a_package() {
        assert!(is_about_package("CARGO_PKG_VERSION") && is_about_package("CARGO_MANIFEST_DIR"));
        for setting in ["CARGO", "CARGO_HOME", "CARGO_TARGET_DIR", "CARGO_BUILD_JOBS", "RUSTFLAGS"] {
            assert!(!is_about_package(setting), "{setting}");
        }
    }
}
