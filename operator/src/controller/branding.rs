//! What mails of the style `Branded` are made of. Pods never mount the user's ConfigMap: a word that is wrong in it would reach
//! them at their next start. They mount a copy of the last one that passed the checks.
//!
//! - [`source`]: reads the user's ConfigMap, and what of the last one is in use;
//! - [`checks`]: has files checked, once;
//! - [`files`]: their names and contents, and the copy that has them;
//! - [`finding`]: the condition `TemplatesReady`.
//!
//! This file decides, pure.

use mail_templates::{Brand, Finding as FileFinding, LanguageTag, language};
use pingstack_crd::mail::Mail;

pub mod checks;
pub mod files;
pub mod finding;
pub mod source;

use self::{
    checks::Passed,
    files::Copy,
    source::{Sources, Wanted},
};

/// What is wrong with the spec's own texts; an API server with our CRD lets few of these through.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A text of the brand.
    #[error("mail.brand cannot be used: {0}")]
    Brand(String),
    /// The default language.
    #[error("mail.locales.default cannot be used: {0}")]
    DefaultLanguage(#[from] language::TagError),
}

/// What the pods get, and what the status says of it.
#[derive(Debug, Clone)]
pub struct Branding {
    /// What they mount.
    pub copy: Copy,
    /// What became of the user's ConfigMap.
    pub verdict: Verdict,
}

/// What became of the user's ConfigMap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The spec names none, or there is nothing in it.
    Shipped,
    /// It is in use.
    Applied {
        /// Its name.
        name: String,
    },
    /// What is in use has no words in the language of `mail.locales.default`.
    DefaultLanguageMissing {
        /// That language.
        wanted: LanguageTag,
        /// Those that there are words in.
        present: Vec<LanguageTag>,
        /// Whether there is a ConfigMap for more.
        has_own: bool,
    },
    /// It did not pass.
    Invalid {
        /// Its name.
        name: String,
        /// What is wrong with it; never empty.
        findings: Vec<FileFinding>,
        /// What the mails are made of instead.
        instead: Instead,
    },
    /// There is none of this name.
    Missing {
        /// Its name.
        name: String,
        /// What the mails are made of instead.
        instead: Instead,
    },
    /// The API server does not hand it out.
    Unreadable {
        /// Its name.
        name: String,
        /// What the API server says, or that it does not answer.
        why: String,
        /// What the mails are made of instead.
        instead: Instead,
    },
}

/// What mails are made of while the user's ConfigMap cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instead {
    /// The last one that passed.
    LastGood,
    /// What Ping ships.
    Shipped,
}

/// Decides what the pods get.
pub fn choose(mail: &Mail, sources: Sources) -> Result<Branding, Error> {
    let brand = brand(mail)?;
    let default = mail.locales.default.parse::<LanguageTag>()?;
    let Sources { wanted, last_good } = sources;
    let last_good = last_good.filter(|passed| !passed.files.is_empty());
    let instead = if last_good.is_some() { Instead::LastGood } else { Instead::Shipped };
    let last_good = || last_good.unwrap_or_else(Passed::shipped);
    let (passed, verdict) = match wanted {
        Wanted::Shipped => (Passed::shipped(), Verdict::Shipped),
        Wanted::Read { checked: Ok(passed), .. } if passed.files.is_empty() => (passed, Verdict::Shipped),
        Wanted::Read { checked: Ok(passed), name } => (passed, Verdict::Applied { name }),
        Wanted::Read { checked: Err(findings), name } => {
            (last_good(), Verdict::Invalid { name, findings, instead })
        }
        Wanted::Missing { name } => (last_good(), Verdict::Missing { name, instead }),
        Wanted::Unreadable { name, why } => (last_good(), Verdict::Unreadable { name, why, instead }),
    };
    let Passed { files, languages } = passed;
    let verdict = match verdict {
        Verdict::Shipped | Verdict::Applied { .. } if !has_words(&default, &languages) => {
            let has_own = mail.templates.config_map_ref.is_some();
            Verdict::DefaultLanguageMissing { wanted: default, present: languages, has_own }
        }
        verdict => verdict,
    };
    Ok(Branding { copy: Copy { brand, files }, verdict })
}

/// The brand as mail-service reads it.
fn brand(mail: &Mail) -> Result<String, Error> {
    let refused = |error: serde_json::Error| Error::Brand(error.to_string());
    let written = serde_json::to_value(&mail.brand).map_err(refused)?;
    let brand = serde_json::from_value::<Brand>(written).map_err(refused)?;
    serde_json::to_string(&brand).map_err(refused)
}

/// Whether a user who asks for this language alone gets it, or one of its parents.
fn has_words(wanted: &LanguageTag, present: &[LanguageTag]) -> bool {
    let chosen = language::choose(std::slice::from_ref(wanted), present, wanted);
    !std::ptr::eq(chosen, wanted)
}

/// Files by their names, as a ConfigMap has them.
#[cfg(test)]
pub(crate) fn files_of(files: &[(&str, &str)]) -> files::Files {
    files::Files::new(
        files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect(),
    )
}

#[cfg(test)]
mod tests;
