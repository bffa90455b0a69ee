//! Signatures with cosign, without keys: the identity of who signs is in the certificate.

use std::path::Path;

use anyhow::{Result, bail};

use super::Artifact;
use super::settings::Purpose;
use crate::program::Program;

#[derive(Debug)]
pub(crate) struct Signer(Option<String>);

impl Signer {
    /// A release without cosign fails. A trial is not signed.
    pub(super) fn find(program: &str, purpose: Purpose) -> Result<Self> {
        if purpose == Purpose::Trial {
            return Ok(Self(None));
        }
        if Program::new(program).argument("version").quietly().is_err() {
            bail!(
                "a release is signed, and '{program}' is missing: install it \
                 (https://docs.sigstore.dev), nothing was pushed"
            );
        }
        Ok(Self(Some(program.to_owned())))
    }

    /// Signs the images and the charts by their digests, and the list of checksums.
    pub(super) fn sign(&self, artifacts: &[Artifact], folder: &Path) -> Result<()> {
        let Some(program) = &self.0 else { return Ok(()) };
        for artifact in artifacts {
            Program::new(program).arguments(["sign", "--yes", &artifact.by_digest()]).quietly()?;
        }
        Program::new(program)
            .arguments(["sign-blob", "--yes", "--bundle", "SHA256SUMS.sigstore.json", "SHA256SUMS"])
            .inside(folder)
            .quietly()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::Artifact;
    use super::{Purpose, Signer};

    #[test]
    fn a_release_without_cosign_fails() {
        let error = Signer::find("no-such-cosign", Purpose::Release).unwrap_err().to_string();
        assert!(error.contains("'no-such-cosign' is missing"), "{error}");
        assert!(Signer::find("no-such-cosign", Purpose::Trial).is_ok());
    }

    #[test]
    fn everything_is_signed_by_its_digest() {
        let folder = tempfile::tempdir().unwrap();
        let cosign = folder.path().join("cosign");
        fs::write(&cosign, "#!/bin/sh\necho \"$@\" >>\"$0.log\"\n").unwrap();
        fs::set_permissions(&cosign, fs::Permissions::from_mode(0o755)).unwrap();
        let signer = Signer::find(cosign.to_str().unwrap(), Purpose::Release).unwrap();
        let image = Artifact {
            name: "operator".to_owned(),
            repository: "registry.example.org/you/operator".to_owned(),
            digest: "sha256:abc".to_owned(),
        };
        signer.sign(&[image], folder.path()).unwrap();
        let log = fs::read_to_string(folder.path().join("cosign.log")).unwrap();
        assert_eq!(
            log,
            "version\nsign --yes registry.example.org/you/operator@sha256:abc\n\
             sign-blob --yes --bundle SHA256SUMS.sigstore.json SHA256SUMS\n"
        );
    }

    #[test]
    fn a_signature_that_fails_ends_the_release() {
        let signer = Signer(Some("false".to_owned()));
        assert!(signer.sign(&[], std::env::temp_dir().as_path()).is_err());
    }
}
