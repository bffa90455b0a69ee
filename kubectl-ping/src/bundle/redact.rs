//! Replaces what no bundle may hold, in any text: addresses, codes, tokens, passwords and keys.
//!
//! It replaces too much rather than too little: a number of six digits is taken for a code, and a long run of letters and digits
//! for a key.

/// What stands for something that was replaced.
const HIDDEN: &str = "[redacted]";

/// From this length on a run of letters and digits that looks random is taken for a key or a token. Names of pods and images are
/// words with dashes between, and are shorter.
const LONGEST_WORD: usize = 32;

/// Names whose values are secrets, wherever they stand in front of `=` or `:`.
const SECRET_NAMES: [&str; 9] =
    ["password", "passwd", "secret", "token", "authorization", "cookie", "apikey", "api_key", "otp"];

/// The text without them.
pub(super) fn text(text: &str) -> String {
    text.split_inclusive('\n').map(line).collect()
}

fn line(line: &str) -> String {
    let line = values(line);
    let line = pem(&line);
    let line = words(&line);
    codes(&line)
}

/// Hides what follows the name of a secret: `password=x`, `"token": "x"`, `Authorization: Bearer x`.
fn values(line: &str) -> String {
    let lower = line.to_ascii_lowercase();
    let mut out = String::with_capacity(line.len());
    let mut at = 0;
    while let Some((found, name)) = next_name(&lower, at) {
        let after = found + name.len();
        out.push_str(&line[at..after]);
        at = after;
        // Only a name right before a separator: "the password is refused" stays.
        let rest = &line[at..];
        let gap = rest.len() - rest.trim_start_matches(['"', '\'', '\\', ' ']).len();
        if rest[gap..].starts_with([':', '=']) {
            let value = &rest[gap + 1..];
            let lead = value.len() - value.trim_start_matches(['"', '\'', '\\', ' ']).len();
            let end = value[lead..]
                .find(['"', '\'', ',', '\n', '}', '&', ';'])
                .map_or(value.len(), |end| lead + end);
            out.push_str(&rest[..gap + 1 + lead]);
            // An object or a list, such as `"token": {`, is looked into.
            if value[lead..].starts_with(['{', '[']) || lead == end {
                at += gap + 1 + lead;
            } else {
                out.push_str(HIDDEN);
                at += gap + 1 + end;
            }
        }
    }
    out.push_str(&line[at..]);
    out
}

/// The name of a secret that begins first from `at` on.
fn next_name(lower: &str, at: usize) -> Option<(usize, &'static str)> {
    let found = SECRET_NAMES.iter().filter_map(|name| Some((at + lower[at..].find(name)?, *name)));
    found.min_by_key(|(place, name)| (*place, usize::MAX - name.len()))
}

/// A line of a PEM file, its base64 included, is hidden by its length; its frame says what it was.
fn pem(line: &str) -> String {
    if line.contains("PRIVATE KEY") { format!("{HIDDEN}\n") } else { line.to_owned() }
}

/// Hides addresses, passwords in URLs, and long runs that are no words.
fn words(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut word = String::new();
    for character in line.chars() {
        if is_of_word(character) {
            word.push(character);
        } else {
            out.push_str(&hide_word(&word));
            word.clear();
            out.push(character);
        }
    }
    out + &hide_word(&word)
}

fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() || "@.!#$%&*+/=?^_`{|}~-:".contains(character)
}

fn hide_word(word: &str) -> String {
    if let Some((scheme, rest)) = word.split_once("://") {
        return match rest.split_once('@') {
            Some((_, host)) => format!("{scheme}://{HIDDEN}@{host}"),
            None => format!("{scheme}://{rest}"),
        };
    }
    if word.contains('@') && !word.starts_with('@') {
        // An image by its digest is no address; one that mail-service masked already has no more to hide.
        return if word.contains("@sha256:") || word.contains("***@") {
            word.to_owned()
        } else {
            HIDDEN.to_owned()
        };
    }
    let runs = word.split(['.', '-', '/', ':', '_']);
    let is_key = |run: &str| run.len() >= LONGEST_WORD && run.chars().any(|c| c.is_ascii_digit());
    if runs.into_iter().any(is_key) && !word.contains("sha256:") {
        HIDDEN.to_owned()
    } else {
        word.to_owned()
    }
}

/// Hides six digits that stand alone, in one piece or as three and three.
fn codes(line: &str) -> String {
    let characters = line.chars().collect::<Vec<_>>();
    let mut out = String::with_capacity(line.len());
    let mut at = 0;
    while at < characters.len() {
        let length = code_at(&characters, at);
        if length == 0 {
            out.push(characters[at]);
            at += 1;
        } else {
            out.push_str(HIDDEN);
            at += length;
        }
    }
    out
}

/// The length of the code that begins at a place, 0 if none does.
fn code_at(characters: &[char], at: usize) -> usize {
    let is_digit = |place: usize| characters.get(place).is_some_and(|character| character.is_numeric());
    let run = |from: usize| {
        let rest = characters.get(from..).unwrap_or_default();
        rest.iter().take_while(|character| character.is_numeric()).count()
    };
    if at > 0 && is_digit(at - 1) {
        return 0;
    }
    // In the middle of a digest: no text writes a code so.
    let is_hex = |place: Option<usize>| {
        place.and_then(|place| characters.get(place)).is_some_and(|character| ('a'..='f').contains(character))
    };
    match run(at) {
        6 if is_hex(at.checked_sub(1)) && is_hex(Some(at + 6)) => 0,
        6 => 6,
        3 if characters.get(at + 3).is_some_and(|gap| " -\u{a0}".contains(*gap)) && run(at + 4) == 3 => 7,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::{HIDDEN, text};

    #[test]
    fn nothing_that_is_secret_survives() {
        let hex = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        let jwt = "eyJhbGciOiJFZERTQSIsImtpZCI6ImsifQ.eyJzdWIiOiIwMDAwMDAwMDAwMDAifQ.c2lnbmF0dXJlLTEyMzQ1Njc4OTAxMjM0NTY3ODkw";
        for (line, secret) in [
            ("login for ada@example.org was taken".to_owned(), "ada"),
            ("to=<Ada.Lovelace+x@mail.example.org>".to_owned(), "Ada"),
            ("the code is 482931.".to_owned(), "482931"),
            ("\"otp\":\"482931\"".to_owned(), "482931"),
            ("text\\n482931\\n".to_owned(), "482931"),
            ("your code: 482 931".to_owned(), "482 931"),
            ("482-931".to_owned(), "482-931"),
            ("REDIS_URL=redis://user:hunter2@redis:6379/0".to_owned(), "hunter2"),
            ("amqps://ping:p@ss:w@mq.example.org/ping".to_owned(), "p@ss:w"),
            ("password=hunter2 and more".to_owned(), "hunter2"),
            ("{\"EMAIL_PASSWORD\": \"hunter2\"}".to_owned(), "hunter2"),
            ("{\\\"token\\\":\\\"abc\\\"}".to_owned(), "abc"),
            (format!("Authorization: Bearer {jwt}"), "eyJ"),
            (format!("bearer {jwt}"), "eyJ"),
            (format!("cookie: session={hex}"), "9f86"),
            (format!("key {hex}"), "9f86"),
            ("-----BEGIN PRIVATE KEY-----".to_owned(), "PRIVATE"),
            ("MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v3/VguoRK9JLsLMREScVpezJpGXA7rAMcrn9g".to_owned(), "MC4C"),
        ] {
            let shown = text(&line);
            assert!(!shown.contains(secret) && shown.contains(HIDDEN), "{line} became {shown}");
        }
    }

    #[test]
    fn what_helps_stays_readable() {
        for line in [
            "pod/demo-user-service-6d8f9c7b5d-x2x9k is ready, 2026-11-29T10:00:00Z\n",
            "image localhost/ping/user-service:0.2.0@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "mail to a***@example.org: 550 5.1.1 in phase rcpt, attempt 3 of 1234567",
            "the mail server refuses the login: check the password",
            "http://demo-user-service.shop.svc:5000/readyz?verbose 503",
            "uid 0b5ec0de-1111-4222-8333-444455556666",
            "secretKeyRef",
        ] {
            assert_eq!(text(line), line);
        }
    }
}
