//! Where a release goes, and what for.

use anyhow::{Context, Result, bail};

use super::charts::Tools;
use crate::environment::variable;
use crate::images::Engine;

/// Why a release is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Release,
    /// Into a registry on this machine: not signed, of uncommitted changes too, and without the digests of images that
    /// cannot be looked up.
    Trial,
}

#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) registry: Registry,
    pub(crate) purpose: Purpose,
    login: Option<Login>,
}

#[derive(Debug)]
struct Login {
    user: String,
    password: String,
}

impl Settings {
    pub(super) fn from_environment() -> Result<Self> {
        let registry =
            variable("REGISTRY").context("where to? make release REGISTRY=registry.example.org/you")?;
        let purpose = if variable("TRIAL").is_some() { Purpose::Trial } else { Purpose::Release };
        let mut settings = Self::new(&registry, purpose)?;
        if let Some(user) = variable("REGISTRY_USER") {
            let password = variable("REGISTRY_PASSWORD").context("REGISTRY_USER needs REGISTRY_PASSWORD")?;
            settings.login = Some(Login { user, password });
        }
        Ok(settings)
    }

    pub(super) fn new(registry: &str, purpose: Purpose) -> Result<Self> {
        let registry = Registry::parse(registry)?;
        if purpose == Purpose::Trial && !registry.is_local() {
            bail!("TRIAL=1 goes to a registry on localhost only: what it pushes is not signed");
        }
        Ok(Self { registry, purpose, login: None })
    }

    pub(super) fn log_in(&self, engine: &Engine, tools: &Tools) -> Result<()> {
        let Some(login) = &self.login else { return Ok(()) };
        for program in [engine.program(), tools.helm_registry()] {
            program
                .arguments(["login", "--username", &login.user, "--password-stdin", self.registry.host()])
                .input(&login.password)
                .quietly()?;
        }
        Ok(())
    }
}

/// Host and path, such as `registry.example.org/you`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Registry(String);

impl Registry {
    fn parse(text: &str) -> Result<Self> {
        let (host, path) = text.split_once('/').unwrap_or((text, "you"));
        let is_path =
            |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit() || b"._/-".contains(&octet);
        if host.is_empty() || path.is_empty() || !path.bytes().all(is_path) {
            bail!("REGISTRY is '{text}': write a host and a path, such as registry.example.org/you");
        }
        Ok(Self(text.to_owned()))
    }

    pub(crate) fn path(&self) -> &str {
        &self.0
    }

    pub(crate) fn host(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }

    /// On this machine, where it is reached by plain HTTP.
    pub(crate) fn is_local(&self) -> bool {
        ["127.0.0.1", "localhost"].contains(&self.host().split(':').next().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::{Purpose, Registry, Settings};

    #[test]
    fn a_registry_is_a_host_and_a_path() {
        for good in ["registry.example.org/you", "127.0.0.1:5000/ping", "ghcr.io/a/b-c"] {
            assert_eq!(Registry::parse(good).unwrap().path(), good);
        }
        for bad in ["", "/you", "registry.example.org/", "registry.example.org/You"] {
            assert!(Registry::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_trial_stays_on_this_machine() {
        assert!(Settings::new("127.0.0.1:5000/ping", Purpose::Trial).is_ok());
        assert!(Settings::new("localhost.example.org/ping", Purpose::Trial).is_err());
        assert!(Settings::new("registry.example.org/you", Purpose::Trial).is_err());
    }
}
