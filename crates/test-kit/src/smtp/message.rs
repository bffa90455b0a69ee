//! A mail as it arrived.

use std::time::Instant;

/// What the server said to the final dot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// 250: the mail is the server's.
    Accepted,
    /// A reply other than 250: the mail was refused.
    Refused,
    /// None: the connection ended first, or the server fell silent. The mail may be in the inbox all the same.
    Unanswered,
}

/// One message, with the envelope it came in.
#[derive(Debug, Clone)]
pub struct Message {
    /// In order of arrival, from 1.
    pub number: u64,
    /// Number of the connection, from 1.
    pub connection: u64,
    /// The address of `MAIL FROM`.
    pub sender: String,
    /// The accepted addresses of `RCPT TO`, in order.
    pub recipients: Vec<String>,
    /// All lines up to the final dot, with their ends, dots unstuffed.
    pub data: Vec<u8>,
    /// When the final dot came.
    pub received_at: Instant,
    /// What the server said to the final dot.
    pub verdict: Verdict,
}

impl Message {
    /// The value of the first header `name` in any letter case, unfolded.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        self.headers().into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// All headers in order, unfolded.
    #[must_use]
    pub fn headers(&self) -> Vec<(String, String)> {
        let text = self.text();
        let head = text.split_once("\r\n\r\n").map_or(&*text, |(head, _)| head);
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in head.split("\r\n") {
            match (line.split_once(':'), headers.last_mut()) {
                (_, Some((_, value))) if line.starts_with([' ', '\t']) => {
                    value.push(' ');
                    value.push_str(line.trim());
                }
                (Some((name, value)), _) => headers.push((name.to_owned(), value.trim().to_owned())),
                (None, _) => headers.push((line.to_owned(), String::new())),
            }
        }
        headers
    }

    /// `Message-ID` with its angle brackets.
    #[must_use]
    pub fn message_id(&self) -> Option<String> {
        self.header("Message-ID")
    }

    /// All that follows the headers, as text.
    #[must_use]
    pub fn body(&self) -> String {
        self.text().split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()
    }

    /// The six-digit code in the body. Of several parts, lines between them are no text: they may hold any digits.
    #[must_use]
    pub fn code(&self) -> Option<String> {
        let body = self.body();
        let mut lines = body.lines().filter(|line| !line.starts_with("--"));
        lines.find_map(crate::mailpit::code_in).map(str::to_owned)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.data).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_headers_and_body_are_told_apart() {
        let message = Message {
            number: 1,
            connection: 1,
            sender: String::new(),
            recipients: Vec::new(),
            data: b"Subject: Your\r\n OTP Code\r\nmessage-id: <a@b>\r\n\r\nSubject: no\r\n\r\n482931\r\n"
                .to_vec(),
            received_at: Instant::now(),
            verdict: Verdict::Accepted,
        };
        assert_eq!(message.header("subject").as_deref(), Some("Your OTP Code"));
        assert_eq!(message.message_id().as_deref(), Some("<a@b>"));
        assert_eq!(message.headers().len(), 2);
        assert_eq!(message.code().as_deref(), Some("482931"));
    }
}
