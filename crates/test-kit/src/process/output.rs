//! The lines that a process writes, kept in memory: tests search them for what must not be there.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// Where a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    Output,
    Error,
}

/// One line, without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub stream: Stream,
    /// Its text; bytes that are not UTF-8 are replaced.
    pub text: String,
}

/// All lines of a process so far. A clone sees the same lines.
#[derive(Debug, Clone, Default)]
pub struct Output {
    lines: Arc<Mutex<Vec<Line>>>,
}

impl Output {
    /// Keeps every line of `pipe` until its end.
    pub(super) fn record(&self, stream: Stream, pipe: Option<impl AsyncRead + Unpin + Send + 'static>) {
        let Some(pipe) = pipe else { return };
        let output = self.clone();
        tokio::spawn(async move {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            while let Ok(1..) = pipe.read_until(b'\n', &mut line).await {
                let text = String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned();
                output.locked().push(Line { stream, text });
                line.clear();
            }
        });
    }

    /// A copy of all lines.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        self.locked().clone()
    }

    /// The lines that hold `text`.
    #[must_use]
    pub fn containing(&self, text: &str) -> Vec<Line> {
        self.locked().iter().filter(|line| line.text.contains(text)).cloned().collect()
    }

    /// How many lines there are: the mark for [`containing_since`](Self::containing_since).
    #[must_use]
    pub fn mark(&self) -> usize {
        self.locked().len()
    }

    /// The lines that hold `text` and came after `mark`.
    #[must_use]
    pub fn containing_since(&self, mark: usize, text: &str) -> Vec<Line> {
        self.locked().iter().skip(mark).filter(|line| line.text.contains(text)).cloned().collect()
    }

    /// # Panics
    /// When a line holds one of `secrets`: with the line, and which secret by its number, so that the message is readable.
    pub fn assert_holds_none_of<I: IntoIterator<Item: AsRef<str>>>(&self, secrets: I) {
        let lines = self.locked();
        for (number, secret) in secrets.into_iter().enumerate() {
            let secret = secret.as_ref();
            assert!(!secret.is_empty(), "secret number {number} is empty: every line holds it");
            let found = lines.iter().find(|line| holds(&line.text, secret));
            assert!(found.is_none(), "the output holds secret number {number} ('{secret}'): {found:?}");
        }
    }

    fn locked(&self) -> MutexGuard<'_, Vec<Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The length from which a run of hex digits and hyphens is an id: that of a user, a session, a request or a trace.
const ID_LENGTH: usize = 24;

/// Whether a line holds a secret. Digits inside an id are there by chance: an id is random.
fn holds(line: &str, secret: &str) -> bool {
    let is_code = secret.bytes().all(|b| b.is_ascii_digit());
    line.match_indices(secret).any(|(at, _)| !is_code || !is_in_id(line, at))
}

fn is_in_id(line: &str, at: usize) -> bool {
    let of_id = |b: &u8| b.is_ascii_hexdigit() || *b == b'-';
    let (before, after) = line.as_bytes().split_at(at);
    let run =
        before.iter().rev().take_while(|b| of_id(b)).count() + after.iter().take_while(|b| of_id(b)).count();
    run >= ID_LENGTH
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.locked().iter().try_for_each(|line| writeln!(f, "  {}", line.text))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::wait::wait_until;

    async fn recorded(bytes: &'static [u8]) -> Output {
        let output = Output::default();
        output.record(Stream::Error, Some(bytes));
        wait_until("the output", Duration::from_secs(5), || async { output.lines().len() == 2 }).await;
        output
    }

    #[tokio::test]
    async fn a_last_line_without_end_and_bytes_that_are_no_text_are_kept() {
        let output = recorded(b"first \xff\r\nlast").await;
        let texts: Vec<String> = output.lines().into_iter().map(|line| line.text).collect();
        assert_eq!(texts, ["first \u{fffd}", "last"]);
    }

    #[tokio::test]
    async fn what_was_there_before_the_mark_is_no_news() {
        let output = recorded(b"lost\nfound\n").await;
        assert_eq!(output.mark(), 2);
        assert_eq!(
            (output.containing_since(1, "lost"), output.containing_since(1, "found").len()),
            (vec![], 1)
        );
    }

    #[tokio::test]
    async fn a_secret_in_a_line_is_found() {
        let output = recorded(b"nothing\ncode=482931 sent\n").await;
        output.assert_holds_none_of(["111111"]);
        assert!(std::panic::catch_unwind(|| output.assert_holds_none_of(["111111", "482931"])).is_err());
    }

    #[test]
    fn the_digits_of_a_code_inside_an_id_are_not_the_code() {
        for line in ["id=0f48293100000000000000aa", "urn:uuid:5b482931-3148-4829-9310-0f0e0d0c0b0a"] {
            assert!(!holds(line, "482931"), "{line}");
        }
        for line in
            ["482931", "code482931", "0f482931-", "\"otp\":\"482931\", id=0f0e0d0c0b0a09080706050403020100"]
        {
            assert!(holds(line, "482931"), "{line}");
        }
        assert!(
            holds("0f0e0d0c0b0a09080706050403020100", "0d0c0b0a"),
            "what is no code is a secret anywhere"
        );
    }
}
