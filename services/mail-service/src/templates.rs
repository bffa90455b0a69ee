//! `mail-service templates`: what is wrong with an administrator's files, and what their mails look like.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use mail_templates::{Brand, Finding, Rendered, Templates, preview};
use ping_contract::{
    address::EmailAddress,
    event::{EventId, MailEvent},
};

use crate::{
    config::{Form, Preview, TemplatesCommand, template_files},
    message::MessageWriter,
};

/// Sender and recipient of a preview.
const ADDRESS: &str = "preview@example.org";

/// Why there is no preview, or no check.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{path} cannot be read")]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{path} is not a brand")]
    Brand {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
    /// One line for each finding.
    #[error("{}", list(.0))]
    Templates(Vec<Finding>),
    #[error("--locale says which mail: only HTML can show all of them")]
    OneLanguage,
    #[error("the mail cannot be written")]
    Mail,
}

/// What is to be printed.
pub fn run(command: &TemplatesCommand) -> Result<String, Error> {
    match command {
        TemplatesCommand::Check { dir } => {
            let templates = load(dir)?;
            let languages = templates.languages().iter().map(ToString::to_string).collect::<Vec<_>>();
            Ok(format!("The templates can be used. Languages: {}.\n", languages.join(", ")))
        }
        TemplatesCommand::Preview(which) => show(which),
    }
}

fn show(which: &Preview) -> Result<String, Error> {
    let templates = which.dir.as_deref().map_or_else(|| Ok(Templates::shipped()), load)?;
    let brand = which.brand.as_deref().map_or_else(example, read_brand)?;
    let Some(locale) = &which.locale else {
        if which.form != Form::Html {
            return Err(Error::OneLanguage);
        }
        return Ok(preview::page(&templates, &brand));
    };
    let mail = preview::sample(&templates, &brand, locale);
    match which.form {
        Form::Html => Ok(mail.html),
        Form::Text => Ok(format!("{}\n\n{}", mail.subject, mail.text)),
        Form::Eml => eml(mail),
    }
}

/// The bytes that are sent, but for addresses, id and time.
fn eml(mail: Rendered) -> Result<String, Error> {
    let id = EventId::from_bytes([0; 16]);
    let event = MailEvent {
        id: Some(id.clone()),
        to: EmailAddress::parse(ADDRESS).map_err(|_| Error::Mail)?,
        also_to: Vec::new(),
        unusable_recipients: 0,
        subject: mail.subject,
        body: mail.text,
        purpose: None,
        locale: None,
    };
    let writer = MessageWriter::new(ADDRESS).map_err(|_| Error::Mail)?;
    let written = writer.write(&event, Some(&mail.html), &id, SystemTime::UNIX_EPOCH);
    let written = written.map_err(|_| Error::Mail)?;
    String::from_utf8(written.content().to_vec()).map_err(|_| Error::Mail)
}

fn load(folder: &Path) -> Result<Templates, Error> {
    let files: BTreeMap<_, _> =
        template_files(folder).map_err(|source| Error::Read { path: folder.to_owned(), source })?;
    Templates::load(files).map_err(Error::Templates)
}

fn read_brand(path: &Path) -> Result<Brand, Error> {
    let text = fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    serde_json::from_slice(&text).map_err(|source| Error::Brand { path: path.to_owned(), source })
}

fn example() -> Result<Brand, Error> {
    "Example".parse().map(Brand::named).map_err(|_| Error::Mail)
}

fn list(findings: &[Finding]) -> String {
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use std::fs::write;

    use tempfile::tempdir;

    use super::{Error, run};
    use crate::config::{Form, Preview, TemplatesCommand};

    fn preview(locale: Option<&str>, form: Form) -> Result<String, Error> {
        let locale = locale.map(|tag| tag.parse().unwrap());
        run(&TemplatesCommand::Preview(Preview { dir: None, brand: None, locale, form }))
    }

    #[test]
    fn a_check_names_file_line_and_fix_of_all_that_is_wrong() {
        let folder = tempdir().unwrap();
        let check = || run(&TemplatesCommand::Check { dir: folder.path().to_owned() });
        assert!(check().unwrap().contains("ar, de, en"), "an empty folder changes nothing");
        write(folder.path().join("code.txt"), "Hello\n{{ cod }}\n").unwrap();
        write(folder.path().join("words.de.json"), "{\"subject\":\"{password}\"}").unwrap();
        let found = check().unwrap_err().to_string();
        assert!(found.contains("code.txt:2: ") && found.contains("words.de.json:1: "), "{found}");
    }

    #[test]
    fn a_preview_shows_one_language_in_any_form_and_all_of_them_as_a_page() {
        assert!(preview(Some("ar"), Form::Html).unwrap().contains("dir=\"rtl\""));
        assert!(preview(Some("en"), Form::Text).unwrap().contains("123456"));
        assert!(preview(Some("en"), Form::Eml).unwrap().starts_with("From: preview@example.org\r\n"));
        assert!(preview(None, Form::Html).unwrap().contains("zh-Hans"));
        assert!(matches!(preview(None, Form::Eml), Err(Error::OneLanguage)));
    }
}
