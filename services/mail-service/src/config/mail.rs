//! What mails that carry a code say, and the keys that open their events.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use mail_templates::{Brand, LanguageTag, Templates};
use service_kit::config::visible_files;

use super::Error;
use crate::{
    open_keys::OpenKeys,
    words::{Branded, Words},
};

/// Mails that carry a code.
#[derive(Debug, Clone, clap::Args)]
pub struct MailArgs {
    /// Folder with the private keys that open sealed events, one in each file, in base64, read again every 5 s; the public one is
    /// in `MAIL_SEAL_KEY_FILE` of user-service
    #[arg(id = "mail_open_keys_dir", long = "mail-open-keys-dir", env = "MAIL_OPEN_KEYS_DIR")]
    pub open_keys_dir: Option<PathBuf>,
    /// What a mail with the code of a sealed event says: the original's line of English, or text and HTML with a brand in the
    /// user's language
    #[arg(
        id = "mail_templates",
        long = "mail-templates",
        env = "MAIL_TEMPLATES",
        default_value = "original"
    )]
    pub style: Style,
    /// File with the brand as JSON, such as `{"name":"Example"}`; branded mails need it
    #[arg(id = "mail_brand_file", long = "mail-brand-file", env = "MAIL_BRAND_FILE")]
    pub brand_file: Option<PathBuf>,
    /// Folder with words and layouts of your own: `words.<language>.json`, `code.html`, `code.txt`
    #[arg(id = "mail_templates_dir", long = "mail-templates-dir", env = "MAIL_TEMPLATES_DIR")]
    pub templates_dir: Option<PathBuf>,
    /// Language of mails to users who ask for none that there are words in
    #[arg(
        id = "mail_default_locale",
        long = "mail-default-locale",
        env = "MAIL_DEFAULT_LOCALE",
        default_value = "en"
    )]
    pub default_locale: LanguageTag,
    /// Whether the subject of a branded mail shows the code
    #[arg(id = "mail_code_in_subject", long = "mail-code-in-subject", env = "MAIL_CODE_IN_SUBJECT", default_value_t = true, action = clap::ArgAction::Set)]
    pub code_in_subject: bool,
    /// Whether the languages that a login asks for count; otherwise all mails are in `MAIL_DEFAULT_LOCALE`
    #[arg(id = "mail_locale_from_header", long = "mail-locale-from-header", env = "MAIL_LOCALE_FROM_HEADER", default_value_t = true, action = clap::ArgAction::Set)]
    pub locale_from_header: bool,
}

/// What mails look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Style {
    /// The original's line of English.
    Original,
    /// Text and HTML with a brand.
    Branded,
}

/// The words to use.
#[derive(Debug)]
pub struct ConfiguredWords {
    /// They.
    pub words: Words,
    /// Whether the files of `MAIL_TEMPLATES_DIR` cannot be used, and the shipped ones are used in their place.
    pub without_own_files: bool,
}

/// Why `MAIL_BRAND_FILE` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BrandFileError {
    #[error("MAIL_TEMPLATES=branded needs MAIL_BRAND_FILE: a file such as {{\"name\":\"Example\"}}")]
    Missing,
    #[error("{path} cannot be read")]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{path} is not a brand")]
    Form {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
}

impl MailArgs {
    /// The keys that open sealed events.
    pub fn open_keys(&self) -> Result<OpenKeys, Error> {
        let folder = self.open_keys_dir.as_deref();
        folder.map_or_else(|| Ok(OpenKeys::none()), |folder| OpenKeys::read(folder).map_err(Error::OpenKeys))
    }

    /// The words. Files of the administrator's that cannot be used are reported and left aside: a mail in other words is better
    /// than none.
    pub fn words(&self) -> Result<ConfiguredWords, Error> {
        if self.style == Style::Original {
            return Ok(ConfiguredWords { words: Words::Original, without_own_files: false });
        }
        let brand = self.brand().map_err(Error::Brand)?;
        let own = self.templates_dir.as_deref().map(own_templates);
        let without_own_files = matches!(own, Some(None));
        let branded = Branded {
            templates: own.flatten().unwrap_or_else(Templates::shipped),
            brand,
            default_language: self.default_locale.clone(),
            code_in_subject: self.code_in_subject,
            follows_wishes: self.locale_from_header,
        };
        Ok(ConfiguredWords { words: Words::Branded(Box::new(branded)), without_own_files })
    }

    fn brand(&self) -> Result<Brand, BrandFileError> {
        let path = self.brand_file.as_ref().ok_or(BrandFileError::Missing)?;
        let text = fs::read(path).map_err(|source| BrandFileError::Read { path: path.clone(), source })?;
        serde_json::from_slice(&text).map_err(|source| BrandFileError::Form { path: path.clone(), source })
    }
}

/// What is in the folder; `None` if it cannot be used, which the log explains.
fn own_templates(folder: &Path) -> Option<Templates> {
    let files = match template_files(folder) {
        Ok(files) => files,
        Err(error) => {
            tracing::error!(%error, "MAIL_TEMPLATES_DIR cannot be read, so the shipped words and layouts are used");
            return None;
        }
    };
    match Templates::load(files) {
        Ok(templates) => Some(templates),
        Err(findings) => {
            for finding in findings {
                tracing::error!(%finding, "MAIL_TEMPLATES_DIR cannot be used, so the shipped words and layouts are");
            }
            None
        }
    }
}

/// The files of a folder of templates, by their names.
pub fn template_files(folder: &Path) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let file = |path: PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok((name, fs::read(&path)?))
    };
    visible_files(folder)?.into_iter().map(file).collect()
}

#[cfg(test)]
mod tests {
    use std::fs::write;

    use clap::Parser;
    use tempfile::tempdir;

    use super::{MailArgs, Words};
    use crate::config::Error;

    #[derive(Parser)]
    struct Only {
        #[command(flatten)]
        mail: MailArgs,
    }

    fn parse(arguments: &[&str]) -> MailArgs {
        Only::try_parse_from([&["mail-service"], arguments].concat()).unwrap().mail
    }

    #[test]
    fn without_settings_mails_are_the_originals_and_nothing_is_opened() {
        let mail = parse(&[]);
        assert!(matches!(mail.words().unwrap().words, Words::Original));
        assert!(mail.open_keys().is_ok());
    }

    #[test]
    fn branded_mails_need_a_brand_that_can_be_shown() {
        let folder = tempdir().unwrap();
        let file = folder.path().join("brand.json");
        let argument = format!("--mail-brand-file={}", file.display());
        let words = || parse(&["--mail-templates=branded", &argument]).words();
        assert!(matches!(parse(&["--mail-templates=branded"]).words(), Err(Error::Brand(_))));
        assert!(matches!(words(), Err(Error::Brand(_))));
        for name in ["x\\r\\nBcc: x", "\\u0000", "\\u202E", "a@b"] {
            write(&file, format!(r#"{{"name":"{}"}}"#, name.replace("\\\\", "\\"))).unwrap();
            assert!(matches!(words(), Err(Error::Brand(_))), "{name}");
        }
        write(&file, r#"{"name":"Example"}"#).unwrap();
        assert!(matches!(words().unwrap().words, Words::Branded(_)));
    }

    #[test]
    fn own_files_that_cannot_be_used_leave_the_shipped_ones() {
        let folder = tempdir().unwrap();
        let [brand, own] = ["brand.json", "own"].map(|name| folder.path().join(name));
        write(&brand, r#"{"name":"Example"}"#).unwrap();
        let arguments = [
            "--mail-templates=branded".to_owned(),
            format!("--mail-brand-file={}", brand.display()),
            format!("--mail-templates-dir={}", own.display()),
        ];
        let words = || parse(&arguments.each_ref().map(String::as_str)).words().unwrap();
        assert!(words().without_own_files, "there is no folder");
        std::fs::create_dir(&own).unwrap();
        assert!(!words().without_own_files);
        write(own.join("code.txt"), "{{ cod }}").unwrap();
        assert!(words().without_own_files);
        write(own.join("code.txt"), "{{ code }}\n").unwrap();
        write(own.join("..data"), "a link of the kubelet's").unwrap();
        assert!(!words().without_own_files);
    }
}
