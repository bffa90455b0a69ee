//! Makes the mail with a code: a subject, a text part and an HTML part, in the user's language and with the brand of whoever
//! runs Ping.
//!
//! In reading order:
//! - [`Brand`]: the name, colour, logo and texts of whoever runs Ping, as `brand.json` has them.
//! - [`language`]: language tags, `Accept-Language`, and which of the languages that exist a user gets.
//! - [`Templates`]: words in every language and the two layouts; [`Templates::load`] checks an administrator's files,
//!   [`Templates::render`] makes a mail.
//! - [`Finding`]: what is wrong with a file, in which line, and what to write instead.
//! - [`preview`]: one page that shows the mail in every language.
//!
//! `README.md` describes the files, their keys and the variables of a layout.
//! Invariant: nothing here can do I/O, because the manifest has nothing to do it with.

pub mod brand;
mod characters;
mod checks;
mod finding;
pub mod language;
mod layout;
pub mod preview;
mod templates;
mod words;

pub use brand::Brand;
pub use finding::Finding;
pub use language::LanguageTag;
pub use templates::{Mail, Rendered, Templates};
