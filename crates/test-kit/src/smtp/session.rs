//! One SMTP session (RFC 5321), as far as a client that behaves needs it.

mod auth;
mod data;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::state::State;
use super::{Action, Phase};

/// A TCP or TLS stream.
trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

struct Session {
    state: Arc<State>,
    stream: BufReader<Box<dyn Duplex>>,
    /// Number of the connection, from 1.
    connection: u64,
    secured: bool,
    signed_in: bool,
    sender: Option<String>,
    recipients: Vec<String>,
}

/// What is about to be said.
struct Answer {
    text: Vec<u8>,
    /// The pause after each byte.
    drip: Option<Duration>,
}

impl Answer {
    fn has_code(&self, code: &str) -> bool {
        self.text.starts_with(code.as_bytes())
    }
}

/// Serves one connection to its end. How it ends is the client's business.
pub(super) async fn serve(socket: TcpStream, state: Arc<State>) {
    let _ = socket.set_nodelay(true);
    let connection = state.next_connection();
    let session = Session {
        stream: BufReader::new(Box::new(socket)),
        connection,
        secured: false,
        signed_in: state.offer.credentials.is_none(),
        sender: None,
        recipients: Vec::new(),
        state,
    };
    let _ = session.run().await;
}

impl Session {
    async fn run(mut self) -> io::Result<()> {
        if self.state.offer.implicit_tls {
            self = self.secure().await?;
        }
        let greeting = self.answer(Phase::Connect, "220 localhost ESMTP").await?;
        if greeting.is_none_or(|answer| !answer.has_code("220")) {
            return self.stream.shutdown().await;
        }
        while let Some(line) = self.read_line().await? {
            let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
            let answer = match &*verb.to_ascii_uppercase() {
                "EHLO" | "HELO" => self.answer(Phase::Hello, &self.greeting()).await?,
                "STARTTLS" => match self.answer(Phase::StartTls, self.starttls_reply()).await? {
                    Some(answer) if answer.has_code("220") => {
                        self = self.secure().await?;
                        Some(answer)
                    }
                    other => other,
                },
                "AUTH" => self.authenticate(rest).await?,
                "MAIL" => self.mail_from(rest).await?,
                "RCPT" => self.rcpt_to(rest).await?,
                "DATA" => self.data().await?,
                "NOOP" => self.answer(Phase::Noop, "250 2.0.0 ok").await?,
                "RSET" => {
                    self.forget_envelope();
                    self.answer(Phase::Reset, "250 2.0.0 ok").await?
                }
                "QUIT" => {
                    self.answer(Phase::Quit, "221 2.0.0 bye").await?;
                    None
                }
                _ => self.say("502 5.5.2 unknown command").await?,
            };
            if answer.is_none_or(|answer| answer.has_code("421")) {
                return self.stream.shutdown().await;
            }
        }
        Ok(())
    }

    fn greeting(&self) -> String {
        let offer = &self.state.offer;
        let mut lines: Vec<&str> = vec!["localhost", "8BITMIME", "SIZE 1048576"];
        if offer.tls.is_some() && !self.secured {
            lines.push("STARTTLS");
        }
        let mechanisms = offer.mechanisms.as_ref().map(|mechanisms| format!("AUTH {mechanisms}"));
        match &mechanisms {
            Some(line) if line == "AUTH " => {}
            Some(line) => lines.push(line),
            None if offer.credentials.is_some() => lines.push("AUTH PLAIN LOGIN"),
            None => {}
        }
        let (last, others) = lines.split_last().unwrap_or((&"localhost", &[]));
        let others: Vec<String> = others.iter().map(|line| format!("250-{line}\r\n")).collect();
        format!("{}250 {last}", others.concat())
    }

    fn starttls_reply(&self) -> &'static str {
        let offered = self.state.offer.tls.is_some() && !self.secured;
        if offered { "220 2.0.0 go ahead" } else { "502 5.5.1 not offered" }
    }

    async fn secure(mut self) -> io::Result<Self> {
        if let Some(acceptor) = &self.state.offer.tls {
            let plain = self.stream.into_inner();
            self.stream = BufReader::new(Box::new(acceptor.accept(plain).await?));
            self.secured = true;
        }
        Ok(self)
    }

    async fn mail_from(&mut self, rest: &str) -> io::Result<Option<Answer>> {
        if !self.signed_in {
            return self.say("530 5.7.0 sign in first").await;
        }
        let Some(address) = address_in(rest, "FROM:") else { return self.say("501 5.5.4 no address").await };
        let answer = self.answer(Phase::MailFrom, "250 2.1.0 ok").await?;
        if answer.as_ref().is_some_and(|answer| answer.has_code("250")) {
            self.forget_envelope();
            self.sender = Some(address);
        }
        Ok(answer)
    }

    async fn rcpt_to(&mut self, rest: &str) -> io::Result<Option<Answer>> {
        if self.sender.is_none() {
            return self.say("503 5.5.1 MAIL first").await;
        }
        let Some(address) = address_in(rest, "TO:") else { return self.say("501 5.5.4 no address").await };
        let recipients = [address];
        let answer = self.answer_about(Phase::RcptTo, &recipients, "250 2.1.5 ok").await?;
        if answer.as_ref().is_some_and(|answer| answer.has_code("250")) {
            self.recipients.extend(recipients);
        }
        Ok(answer)
    }

    fn forget_envelope(&mut self) {
        self.sender = None;
        self.recipients.clear();
    }

    /// Says what the script has for this phase, else `usual`; `None` when the session is over.
    async fn answer(&mut self, phase: Phase, usual: &str) -> io::Result<Option<Answer>> {
        let recipients = self.recipients.clone();
        self.answer_about(phase, &recipients, usual).await
    }

    async fn answer_about(
        &mut self,
        phase: Phase,
        recipients: &[String],
        usual: &str,
    ) -> io::Result<Option<Answer>> {
        match self.decide(phase, recipients, usual).await? {
            Some(answer) => self.send(&answer).await.map(|()| Some(answer)),
            None => Ok(None),
        }
    }

    /// What is to be said now; waits as the script wants. `None` when the session is over.
    async fn decide(
        &mut self,
        phase: Phase,
        recipients: &[String],
        usual: &str,
    ) -> io::Result<Option<Answer>> {
        let mut answer = Answer { text: usual.as_bytes().to_vec(), drip: None };
        match self.state.action(phase, self.connection, recipients) {
            None => {}
            Some(Action::Reply(text)) => answer.text = text,
            Some(Action::Drip(pause)) => answer.drip = Some(pause),
            Some(Action::Delay(delay)) => tokio::time::sleep(delay).await,
            Some(Action::Close) => return Ok(None),
            Some(Action::Silence) => {
                // Until the client gives up.
                tokio::io::copy(&mut self.stream, &mut tokio::io::sink()).await?;
                return Ok(None);
            }
        }
        Ok(Some(answer))
    }

    async fn send(&mut self, answer: &Answer) -> io::Result<()> {
        let line = [&answer.text, &b"\r\n"[..]].concat();
        let Some(pause) = answer.drip else {
            self.stream.write_all(&line).await?;
            return self.stream.flush().await;
        };
        for byte in line {
            self.stream.write_all(&[byte]).await?;
            self.stream.flush().await?;
            tokio::time::sleep(pause).await;
        }
        Ok(())
    }

    async fn say(&mut self, text: &str) -> io::Result<Option<Answer>> {
        let answer = Answer { text: text.as_bytes().to_vec(), drip: None };
        self.send(&answer).await.map(|()| Some(answer))
    }

    /// One line without its end; `None` at the end of the connection.
    async fn read_line(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        // RFC 5321 allows 512 octets, AUTH 12288.
        let read = (&mut self.stream).take(16 * 1024).read_until(b'\n', &mut line).await?;
        Ok((read > 0).then(|| String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned()))
    }
}

/// The address in `FROM:<…>` or `TO:<…>`; it may be empty.
fn address_in(rest: &str, keyword: &str) -> Option<String> {
    let (head, tail) = rest.split_at_checked(keyword.len())?;
    let address = tail.trim_start().strip_prefix('<')?.split_once('>')?.0;
    head.eq_ignore_ascii_case(keyword).then(|| address.to_owned())
}

#[cfg(test)]
mod tests;
