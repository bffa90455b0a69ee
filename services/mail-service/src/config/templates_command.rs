//! `mail-service templates`: looks at templates without a cluster or a mail server.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use mail_templates::LanguageTag;

/// Checks words and layouts of your own, and shows the mails that they make
#[derive(Debug, Clone, Parser)]
#[command(name = "templates", version)]
pub struct TemplatesTask {
    /// What to do.
    #[command(subcommand)]
    pub command: TemplatesCommand,
}

/// What to do with templates.
#[derive(Debug, Clone, Subcommand)]
pub enum TemplatesCommand {
    /// Print what is wrong with the files of a folder, and exit with 1 if anything is
    Check {
        /// Folder with `words.<language>.json`, `code.html` and `code.txt`
        #[arg(long)]
        dir: PathBuf,
    },
    /// Print a mail with the code 123456
    Preview(Preview),
}

/// Which mail is printed.
#[derive(Debug, Clone, Parser)]
pub struct Preview {
    /// Folder with words and layouts; without it the shipped ones
    #[arg(long)]
    pub dir: Option<PathBuf>,
    /// File with the brand as JSON; without it the name Example
    #[arg(long)]
    pub brand: Option<PathBuf>,
    /// Language; without it a page of HTML shows all of them
    #[arg(long)]
    pub locale: Option<LanguageTag>,
    /// What is printed of the mail
    #[arg(long = "as", value_enum, default_value = "html")]
    pub form: Form,
}

/// A part of a mail, or all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// The HTML part.
    Html,
    /// Subject and text part.
    Text,
    /// The whole mail as it is sent.
    Eml,
}
