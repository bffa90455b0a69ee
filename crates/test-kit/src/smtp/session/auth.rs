//! `AUTH PLAIN` and `AUTH LOGIN` (RFC 4954).

use std::io;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::{Answer, Session};
use crate::smtp::Phase;

impl Session {
    /// `rest` is what follows `AUTH`.
    pub(super) async fn authenticate(&mut self, rest: &str) -> io::Result<Option<Answer>> {
        let (mechanism, initial) = rest.split_once(' ').unwrap_or((rest, ""));
        let given = match &*mechanism.to_ascii_uppercase() {
            "PLAIN" => self.plain(initial).await?,
            "LOGIN" => self.login(initial).await?,
            _ => return self.say("504 5.5.4 unknown mechanism").await,
        };
        let right = given.is_some() && given == self.state.offer.credentials;
        let usual = if right { "235 2.7.0 welcome" } else { "535 5.7.8 wrong credentials" };
        let answer = self.answer(Phase::Auth, usual).await?;
        self.signed_in = answer.as_ref().is_some_and(|answer| answer.has_code("235"));
        Ok(answer)
    }

    async fn plain(&mut self, initial: &str) -> io::Result<Option<(String, String)>> {
        let all = if initial.is_empty() { self.prompt("").await? } else { decoded(initial) };
        // authorisation identity, NUL, user, NUL, password
        let mut fields = all.split('\0').skip(1);
        Ok(fields.next().zip(fields.next()).map(|(user, password)| (user.to_owned(), password.to_owned())))
    }

    async fn login(&mut self, initial: &str) -> io::Result<Option<(String, String)>> {
        let user = if initial.is_empty() { self.prompt("Username:").await? } else { decoded(initial) };
        Ok(Some((user, self.prompt("Password:").await?)))
    }

    async fn prompt(&mut self, text: &str) -> io::Result<String> {
        self.say(&format!("334 {}", BASE64_STANDARD.encode(text))).await?;
        let line = self.read_line().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(decoded(&line))
    }
}

/// Empty when it is not base64 of text.
fn decoded(text: &str) -> String {
    BASE64_STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}
