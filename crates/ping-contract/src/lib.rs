//! What Ping's parts agree on, and nothing else: whoever writes a value and whoever reads it import it from here.
//!
//! In reading order:
//! - [`address`]: the one type of an e-mail address; only its normalised form is stored or mailed.
//! - [`typed_characters`]: characters as people type and paste them.
//! - [`origin`]: origins of web pages and apps, in one form.
//! - [`sender`]: the sender of all mails, as people write it.
//! - [`hello_name`]: the name that mail servers are greeted with.
//! - [`locale`]: the languages that a user would like a mail in.
//! - [`synthetic`]: the addresses with which the operator signs in to find out whether that works.
//! - [`event`]: the mail event that travels from `user-service` to `mail-service`.
//! - [`mail_text`]: the words of a sign-in mail.
//! - [`keys`]: the Redis keys and their lives.
//! - [`redis_trouble`]: why Redis cannot be used, as statuses show it.
//! - [`tls_trouble`]: why a connection could not be encrypted.
//! - [`wire`]: the exact sentences that clients of the original services read.
//! - [`queues`]: the names of exchanges and queues.
//! - [`topology`]: exchanges, queues, bindings and policies as data.
//! - [`users`]: broker users, their permissions and password hashes.
//! - [`broker_version`]: which versions of the broker Ping works with.
//! - [`redis_users`]: Redis users, their commands and key patterns.
//! - [`topology_plan`]: desired × actual topology → operations and conflicts.
//! - [`login_trouble`]: why a mail server offers no login.
//! - [`test_mail`]: how a mail server took a test mail.
//!
//! The promise: a field may be added, never renamed or retyped. Readers ignore what they do not know.
//! Invariant: nothing here can do I/O, because the manifest has nothing to do it with.

pub mod address;
pub mod broker_version;
pub mod event;
pub mod hello_name;
pub mod keys;
pub mod locale;
pub mod login_trouble;
pub mod mail_text;
pub mod origin;
pub mod queues;
pub mod redis_trouble;
pub mod redis_users;
pub mod sender;
pub mod synthetic;
pub mod test_mail;
pub mod tls_trouble;
pub mod topology;
pub mod topology_plan;
pub mod typed_characters;
pub mod users;
pub mod wire;
