//! One SMTP session of the sink: as little of RFC 5321 as a mail server must have, with bounds for everything.

use ping_contract::{address::EmailAddress, synthetic};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// The longest line, its end included. RFC 5321 (4.5.3.1.6) allows 1,000 octets.
const MAX_LINE: u64 = 2_000;

/// The largest message. A mail with HTML is below 100 KiB.
const MAX_MESSAGE: usize = 256 * 1024;

/// How many commands one session may send.
const MAX_COMMANDS: u32 = 200;

/// A mail that the sink has taken.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) recipients: Vec<String>,
    pub(crate) message: Vec<u8>,
}

/// Serves one connection until it ends. Each mail is handed to `take` before its 250.
pub(crate) async fn serve<S>(stream: S, take: impl Fn(Taken)) -> std::io::Result<()>
where
    S: AsyncBufRead + AsyncWrite + Unpin,
{
    let mut session = Session { stream, has_sender: false, recipients: Vec::new() };
    session.reply("220 ping-operator sink").await?;
    for _ in 0..MAX_COMMANDS {
        let Some(line) = session.line().await? else { return Ok(()) };
        let line = String::from_utf8_lossy(&line).into_owned();
        let (verb, rest) = line.split_at_checked(4).unwrap_or((line.as_str(), ""));
        let reply = match verb.to_ascii_uppercase().as_str() {
            "EHLO" => "250-ping-operator\r\n250 8BITMIME",
            "HELO" | "NOOP" => "250 ok",
            "RSET" => session.reset(),
            "MAIL" => session.mail(),
            "RCPT" => session.rcpt(rest),
            "DATA" if session.recipients.is_empty() => "503 5.5.1 no recipient",
            "DATA" => session.data(&take).await?,
            "QUIT" => return session.reply("221 bye").await,
            _ => "502 5.5.1 not known here",
        };
        session.reply(reply).await?;
    }
    session.reply("421 4.7.0 too many commands").await
}

struct Session<S> {
    stream: S,
    has_sender: bool,
    recipients: Vec<String>,
}

impl<S: AsyncBufRead + AsyncWrite + Unpin> Session<S> {
    /// The next line without its end; `None` at the end of the connection, and after a line that is too long.
    async fn line(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        let read =
            tokio::io::AsyncReadExt::take(&mut self.stream, MAX_LINE).read_until(b'\n', &mut line).await?;
        if read == 0 || line.pop() != Some(b'\n') {
            return Ok(None);
        }
        line.pop_if(|last| *last == b'\r');
        Ok(Some(line))
    }

    async fn reply(&mut self, reply: &str) -> std::io::Result<()> {
        self.stream.write_all(format!("{reply}\r\n").as_bytes()).await?;
        self.stream.flush().await
    }

    fn reset(&mut self) -> &'static str {
        self.has_sender = false;
        self.recipients.clear();
        "250 ok"
    }

    fn mail(&mut self) -> &'static str {
        self.reset();
        self.has_sender = true;
        "250 ok"
    }

    fn rcpt(&mut self, rest: &str) -> &'static str {
        if !self.has_sender {
            return "503 5.5.1 no sender";
        }
        let path = rest.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
        let address = path.and_then(|(path, _)| EmailAddress::parse(path).ok());
        match address.filter(synthetic::is_synthetic) {
            Some(address) if self.recipients.len() < 10 => {
                self.recipients.push(address.as_str().to_owned());
                "250 ok"
            }
            Some(_) => "452 4.5.3 too many recipients",
            None => "550 5.7.1 mail for synthetic sign-ins only",
        }
    }

    async fn data(&mut self, take: &impl Fn(Taken)) -> std::io::Result<&'static str> {
        self.reply("354 go on").await?;
        let mut message = Vec::new();
        let mut is_too_large = false;
        loop {
            let Some(line) = self.line().await? else { return Err(std::io::ErrorKind::UnexpectedEof.into()) };
            if line == b"." {
                break;
            }
            is_too_large |= message.len() + line.len() > MAX_MESSAGE;
            if !is_too_large {
                message.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
                message.extend_from_slice(b"\r\n");
            }
        }
        let recipients = std::mem::take(&mut self.recipients);
        self.reset();
        if is_too_large {
            return Ok("552 5.3.4 too large");
        }
        take(Taken { recipients, message });
        Ok("250 taken")
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, io::Cursor};

    use ping_contract::synthetic;

    use super::{Taken, serve};

    /// What the sink replies to these lines, and what it takes.
    async fn talk(lines: &str) -> (String, Vec<Taken>) {
        let taken = RefCell::new(Vec::new());
        let mut written = Vec::new();
        let reader = Cursor::new(lines.replace('\n', "\r\n").into_bytes());
        let stream = tokio::io::join(reader, &mut written);
        let _ = serve(stream, |mail| taken.borrow_mut().push(mail)).await;
        (String::from_utf8(written).unwrap(), taken.into_inner())
    }

    #[tokio::test]
    async fn a_mail_to_a_reserved_address_is_taken_as_it_was_sent() {
        let address = synthetic::address(5);
        let (said, taken) = talk(&format!(
            "EHLO mail\nMAIL FROM:<a@example.org>\nRCPT TO:<{address}>\nDATA\nSubject: x\n\n..dot\n.\nQUIT\n"
        ))
        .await;
        let [mail] = &taken[..] else { panic!("{taken:?}") };
        assert_eq!(mail.recipients, [address]);
        assert_eq!(mail.message, b"Subject: x\r\n\r\n.dot\r\n");
        let codes = said.lines().map(|line| &line[..3]).collect::<Vec<_>>();
        assert_eq!(codes, ["220", "250", "250", "250", "250", "354", "250", "221"]);
    }

    #[tokio::test]
    async fn a_mail_to_anybody_else_is_refused() {
        let (said, taken) = talk(
            "EHLO mail\nMAIL FROM:<a@example.org>\nRCPT TO:<ada@example.org>\nRCPT TO:nobody\nDATA\nBDAT 5\nx\n",
        )
        .await;
        let refused = ["550", "550", "503", "502", "502"];
        assert!(taken.is_empty());
        let codes = said.lines().skip(4).map(|line| &line[..3]).collect::<Vec<_>>();
        assert_eq!(codes, refused, "{said}");
    }

    #[tokio::test]
    async fn no_session_is_endless() {
        let address = synthetic::address(5);
        let (said, _) = talk(&"NOOP\n".repeat(1_000)).await;
        assert!(said.lines().count() < 300 && said.ends_with("421 4.7.0 too many commands\r\n"), "{said}");
        let (said, _) = talk(&format!("EHLO {}\nNOOP\n", "x".repeat(5_000))).await;
        assert_eq!(said.lines().count(), 1, "a line without an end ends the session");
        let large = "x".repeat(900) + "\n";
        let (said, taken) = talk(&format!(
            "EHLO mail\nMAIL FROM:<>\nRCPT TO:<{address}>\nDATA\n{}.\nNOOP\n",
            large.repeat(400)
        ))
        .await;
        assert!(taken.is_empty() && said.contains("552") && said.ends_with("250 ok\r\n"), "{said}");
    }
}
