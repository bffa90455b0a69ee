//! `TOKEN_SIGNING_KEYS_DIR`: one key a file.

use std::{io, path::Path};

use service_kit::config::visible_files;

use super::signing_key::{NoKey, SigningKey};

/// A key and the name of its file.
#[derive(Debug, Clone)]
pub struct KeyFile {
    /// The name, without the folder.
    pub name: String,
    pub key: SigningKey,
}

/// Why the folder cannot be used. Never holds what a file holds.
#[derive(Debug, thiserror::Error)]
pub enum KeyFolderError {
    /// The folder, or a file in it.
    #[error("{path} cannot be read")]
    Read {
        path: String,
        #[source]
        source: io::Error,
    },
    #[error(
        "the folder {0} holds no key; put one there: openssl genpkey -algorithm ed25519 -out {0}/key.pem"
    )]
    Empty(String),
    /// A file without a key.
    #[error("{path} cannot be used")]
    Key {
        path: String,
        #[source]
        source: NoKey,
    },
    #[error("{first} and {second} hold the same key; remove one of them")]
    Doubled { first: String, second: String },
}

impl KeyFolderError {
    /// A condition's reason.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Read { .. } => "SigningKeysUnreadable",
            Self::Empty(_) => "SigningKeysMissing",
            Self::Key { .. } | Self::Doubled { .. } => "SigningKeysInvalid",
        }
    }

    /// What is wrong and what to do, without a path.
    #[must_use]
    pub const fn message(&self) -> &'static str {
        match self {
            Self::Read { .. } => {
                "TOKEN_SIGNING_KEYS_DIR cannot be read; the keys read before stay in use. Check that the Secret is \
                 mounted and readable."
            }
            Self::Empty(_) => {
                "TOKEN_SIGNING_KEYS_DIR holds no key; the keys read before stay in use until the process restarts. Add a \
                 key before then."
            }
            Self::Key { .. } | Self::Doubled { .. } => {
                "A file in TOKEN_SIGNING_KEYS_DIR holds no usable key, or the key of another file; the keys read before \
                 stay in use. The log names the file."
            }
        }
    }
}

/// All keys, in the order of their file names.
pub fn read(folder: &Path) -> Result<Vec<KeyFile>, KeyFolderError> {
    let fail = |path: &Path| {
        let path = path.display().to_string();
        move |source| KeyFolderError::Read { path, source }
    };
    let mut files = Vec::<KeyFile>::new();
    for path in visible_files(folder).map_err(fail(folder))? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let pem = zeroize::Zeroizing::new(std::fs::read_to_string(&path).map_err(fail(&path))?);
        let key = SigningKey::parse(&pem)
            .map_err(|source| KeyFolderError::Key { path: path.display().to_string(), source })?;
        if let Some(first) = files.iter().find(|file| file.key.kid() == key.kid()) {
            return Err(KeyFolderError::Doubled { first: first.name.clone(), second: name });
        }
        files.push(KeyFile { name, key });
    }
    if files.is_empty() { Err(KeyFolderError::Empty(folder.display().to_string())) } else { Ok(files) }
}

#[cfg(test)]
mod tests {
    use std::fs::write;

    use tempfile::tempdir;

    use super::{KeyFolderError, read};
    use crate::tokens::signing_key::tests::{KEY_A, KEY_B};

    #[test]
    fn keys_come_in_the_order_of_their_files_and_hidden_names_are_passed_over() {
        let folder = tempdir().unwrap();
        write(folder.path().join("2.pem"), KEY_A).unwrap();
        write(folder.path().join("1.pem"), KEY_B).unwrap();
        write(folder.path().join("..data"), "a link of the kubelet's").unwrap();
        let names = read(folder.path()).unwrap().into_iter().map(|file| file.name).collect::<Vec<_>>();
        assert_eq!(names, ["1.pem", "2.pem"]);
    }

    #[test]
    fn what_is_missing_or_doubled_is_named() {
        let folder = tempdir().unwrap();
        let says = || service_kit::telemetry::chain(&read(folder.path()).unwrap_err());
        assert!(says().contains("openssl genpkey"), "{}", says());
        write(folder.path().join("a.pem"), "my password").unwrap();
        assert!(says().contains("a.pem") && !says().contains("my password"), "{}", says());
        write(folder.path().join("a.pem"), KEY_A).unwrap();
        write(folder.path().join("b.pem"), KEY_A).unwrap();
        assert!(says().contains("a.pem") && says().contains("b.pem"), "{}", says());
        let gone = read(&folder.path().join("nowhere")).unwrap_err();
        assert!(matches!(gone, KeyFolderError::Read { .. }));
    }
}
