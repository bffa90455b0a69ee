//! Keys and a brand, for the rows about sealed events and branded mails.

use std::fs;

use anyhow::Result;
use sealed_mail::{PrivateKey, Sealer};

use crate::{backlog::Form, rig::Bench, service::Environment};

/// Seals events, and has mail-service open them and write branded mails.
pub(crate) struct Branded {
    key: PrivateKey,
    environment: Environment,
}

impl Branded {
    /// Writes the files into the folder of the results.
    pub(crate) fn prepare(bench: &Bench) -> Result<Self> {
        let key = PrivateKey::from_random(rand::random())?;
        let folder = &bench.options.results;
        let [keys, brand] = ["mail-keys", "brand.json"].map(|name| folder.join(name));
        fs::create_dir_all(&keys)?;
        fs::write(keys.join("key"), key.to_base64().as_bytes())?;
        fs::write(&brand, r##"{"name":"Example","site":"example.org","colour":"#2457d6"}"##)?;
        let environment = [
            ("MAIL_OPEN_KEYS_DIR", keys.display().to_string()),
            ("MAIL_BRAND_FILE", brand.display().to_string()),
            ("MAIL_TEMPLATES", "branded".to_owned()),
        ];
        Ok(Self { key, environment: environment.into() })
    }

    /// Events that mail-service alone reads.
    pub(crate) fn form(&self) -> Result<Form> {
        Ok(Form::Sealed(Box::new(Sealer::new(&self.key.public_key(), &mut rand::rng())?)))
    }

    /// What mail-service needs.
    pub(crate) fn environment(&self) -> Environment {
        self.environment.clone()
    }
}
