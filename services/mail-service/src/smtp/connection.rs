//! One SMTP session: opened, used for mail after mail, dropped at the first doubt.
//!
//! [`Connection::deliver`] owns the connection and gives it back only when both sides are known to be in step. A
//! caller that goes away, a deadline, an odd reply: the connection is dropped with it. That is why a reply can never
//! be taken for the answer to another mail.

use std::{future::Future, sync::Arc, time::Duration};

use lettre::transport::smtp::{
    Error as LettreError,
    authentication::{Credentials, Mechanism},
    client::AsyncSmtpConnection,
    commands::{Ehlo, Rset},
    extension::ClientId,
    response::Response,
};
use ping_contract::login_trouble::LoginTrouble;
use rustls::ClientConfig;
use service_kit::tls::tls_trouble;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};
use tokio_rustls::client::TlsStream;

use super::{
    failure::Failure,
    phase::{Deadlines, Phase, Window},
    recipients::TakenRecipients,
    replies::Replies,
    starttls, stream,
    tls::Security,
};
use crate::message::RenderedMail;

/// How long a closing QUIT may take; nobody depends on it.
const QUIT_LIMIT: Duration = Duration::from_secs(1);

/// The mail server and how to talk to it.
pub struct Relay {
    /// Name or IP address.
    pub host: String,
    pub port: u16,
    pub security: Security,
    /// User and password, where the relay wants them.
    pub credentials: Option<Credentials>,
    /// What EHLO says.
    pub hello: ClientId,
    /// How long each step may take.
    pub deadlines: Deadlines,
}

/// An open session.
pub struct Connection {
    session: AsyncSmtpConnection,
    deadlines: Deadlines,
    pipelining: bool,
    in_step: bool,
    pub opened: Instant,
    /// When it last had nothing to do.
    pub idle_since: Instant,
    /// Mails it has carried, accepted or refused.
    pub mails: u32,
}

impl Connection {
    /// Connects, encrypts and logs in.
    pub async fn open(relay: &Relay) -> Result<Self, Failure> {
        let mut session = connect(relay).await?;
        let offer = offer(&mut session, relay).await?;
        let pipelining = offer.message().any(|line| line.trim().eq_ignore_ascii_case("PIPELINING"));
        if let Some(credentials) = &relay.credentials {
            if let Some(trouble) = LoginTrouble::of_offer(offer.message().skip(1)) {
                return Err(Failure::NoLogin { trouble });
            }
            let login = session.auth(&[Mechanism::Plain, Mechanism::Login], credentials);
            let response = bounded(Phase::Login, relay.deadlines.command, login).await?;
            Failure::unless_expected(Phase::Login, &response, &[235])?;
        }
        let now = Instant::now();
        Ok(Self {
            session,
            pipelining,
            deadlines: relay.deadlines,
            in_step: true,
            opened: now,
            idle_since: now,
            mails: 0,
        })
    }

    /// Hands one mail over: `Ok` is the server's 250 to the final dot, nothing less. The connection comes back if it
    /// is fit for another mail.
    pub async fn deliver(
        mut self,
        mail: &RenderedMail,
        window: Window,
    ) -> (Result<(), Failure>, Option<Self>) {
        self.mails += 1;
        let result = self.transact(mail, window).await;
        let fit = match &result {
            Ok(()) => true,
            Err(failure) => self.in_step && failure.keeps_session() && self.reset().await,
        };
        self.idle_since = Instant::now();
        (result, fit.then_some(self))
    }

    /// Whether the server would take mail from `sender`: MAIL and RSET, and nothing is sent.
    pub async fn probe(mut self, sender: &str) -> Result<Self, Failure> {
        let limit = self.deadlines.command;
        let mail = self.session.command(format!("MAIL FROM:<{sender}>\r\n"));
        let response = bounded(Phase::Mail, limit, mail).await?;
        Failure::unless_expected(Phase::Mail, &response, &[250])?;
        if self.reset().await { Ok(self) } else { Err(Failure::Broken { phase: Phase::Mail }) }
    }

    /// Says goodbye, if that is quick.
    pub async fn quit(mut self) {
        // Whether the server answers is of no interest: the connection is dropped either way.
        let _ = timeout(QUIT_LIMIT, self.session.quit()).await;
    }

    async fn transact(&mut self, mail: &RenderedMail, window: Window) -> Result<(), Failure> {
        self.envelope(mail, window).await?;
        if window.is_expired() {
            return Err(Failure::Late);
        }
        let until = window.end_of(Phase::Accept, self.deadlines.accept);
        let response = waited(Phase::Accept, until, window, self.session.message(mail.content())).await?;
        Failure::unless_expected(Phase::Accept, &response, &[250])
    }

    /// MAIL, RCPT and DATA: in one write where the server takes that (RFC 2920), else one after the other.
    async fn envelope(&mut self, mail: &RenderedMail, window: Window) -> Result<(), Failure> {
        let sender = format!("MAIL FROM:<{}>\r\n", mail.sender());
        let recipients = mail.recipients().iter().map(|to| format!("RCPT TO:<{to}>\r\n")).collect::<Vec<_>>();
        let mut taken = TakenRecipients::default();
        if !self.pipelining {
            self.command(Phase::Mail, &sender, window).await??;
            for recipient in &recipients {
                taken.note(self.command(Phase::Rcpt, recipient, window).await?);
            }
            taken.result()?;
            return self.command(Phase::Data, "DATA\r\n", window).await?;
        }
        let envelope = format!("{sender}{}DATA\r\n", recipients.concat());
        let mail = self.command(Phase::Mail, &envelope, window).await?;
        // Every reply is read whatever the one before it was: else the next mail would be answered with this one's.
        for _ in &recipients {
            taken.note(self.reply(Phase::Rcpt, window).await?);
        }
        let rcpt = taken.result();
        let data = self.reply(Phase::Data, window).await?;
        // A server that wants the message of a mail it refused now waits for content: no RSET gets through.
        self.in_step = data.is_err() || (mail.is_ok() && rcpt.is_ok());
        mail.and(rcpt).and(data)
    }

    async fn command(&mut self, phase: Phase, command: &str, window: Window) -> Answer {
        let until = window.end_of(phase, self.deadlines.of(phase));
        answer(phase, waited(phase, until, window, self.session.command(command)).await)
    }

    async fn reply(&mut self, phase: Phase, window: Window) -> Answer {
        let until = window.end_of(phase, self.deadlines.of(phase));
        answer(phase, waited(phase, until, window, self.session.read_response()).await)
    }

    async fn reset(&mut self) -> bool {
        let reset = bounded(Phase::Mail, self.deadlines.command, self.session.command(Rset)).await;
        reset.is_ok_and(|response| response.has_code(250))
    }
}

/// Outer: the connection is lost. Inner: what the server said, with the connection in step.
type Answer = Result<Result<(), Failure>, Failure>;

fn answer(phase: Phase, response: Result<Response, Failure>) -> Answer {
    let expected: &[u16] = match phase {
        Phase::Rcpt => &[250, 251],
        Phase::Data => &[354],
        _ => &[250],
    };
    match response {
        Ok(response) => Failure::unless_expected(phase, &response, expected).map(Ok),
        Err(refused) if refused.keeps_session() => Ok(Err(refused)),
        Err(lost) => Err(lost),
    }
}

async fn connect(relay: &Relay) -> Result<AsyncSmtpConnection, Failure> {
    let Deadlines { connect, command, .. } = relay.deadlines;
    let began = Instant::now();
    let addresses = socket(Phase::Lookup, connect, stream::lookup(&relay.host, relay.port)).await?;
    let left = connect.saturating_sub(began.elapsed());
    let mut stream = socket(Phase::Connect, left, stream::connect(&addresses, left)).await?;
    let peer = addresses[0];
    match &relay.security {
        Security::Plain => greeted(Replies::new(stream, peer), Phase::Greeting, relay).await,
        Security::Implicit(config) => {
            let encrypted = encrypted(stream, relay, config).await?;
            greeted(Replies::new(encrypted, peer), Phase::Greeting, relay).await
        }
        Security::StartTls(config) => {
            starttls::prepare(&mut stream, &relay.hello, command).await?;
            let encrypted = encrypted(stream, relay, config).await?;
            greeted(Replies::after_greeting(encrypted, peer), Phase::Tls, relay).await
        }
    }
}

async fn encrypted(
    stream: TcpStream,
    relay: &Relay,
    config: &Arc<ClientConfig>,
) -> Result<TlsStream<TcpStream>, Failure> {
    let handshake = stream::encrypt(stream, &relay.host, Arc::clone(config));
    match timeout(relay.deadlines.command, handshake).await {
        Ok(handshake) => handshake.map_err(|error| Failure::Handshake { trouble: tls_trouble(&error) }),
        Err(_) => Err(Failure::TimedOut { phase: Phase::Tls }),
    }
}

/// Lets lettre read the greeting and say EHLO.
async fn greeted<S>(replies: Replies<S>, phase: Phase, relay: &Relay) -> Result<AsyncSmtpConnection, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + Sync + 'static,
{
    let greeting = AsyncSmtpConnection::connect_with_transport(Box::new(replies), &relay.hello);
    bounded(phase, relay.deadlines.command, greeting).await
}

/// Asks again: lettre keeps only the extensions it knows of what the server said. Once for a session's many mails.
async fn offer(session: &mut AsyncSmtpConnection, relay: &Relay) -> Result<Response, Failure> {
    let ehlo = session.command(Ehlo::new(relay.hello.clone()));
    bounded(Phase::Greeting, relay.deadlines.command, ehlo).await
}

async fn socket<T>(
    phase: Phase,
    limit: Duration,
    step: impl Future<Output = std::io::Result<T>>,
) -> Result<T, Failure> {
    match timeout(limit, step).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::TimedOut => Err(Failure::TimedOut { phase }),
        Ok(Err(_)) => Err(Failure::Broken { phase }),
        Err(_) => Err(Failure::TimedOut { phase }),
    }
}

async fn bounded<T>(
    phase: Phase,
    limit: Duration,
    step: impl Future<Output = Result<T, LettreError>>,
) -> Result<T, Failure> {
    match timeout(limit, step).await {
        Ok(result) => result.map_err(|error| Failure::from_lettre(phase, &error)),
        Err(_) => Err(Failure::TimedOut { phase }),
    }
}

async fn waited<T>(
    phase: Phase,
    until: Instant,
    window: Window,
    step: impl Future<Output = Result<T, LettreError>>,
) -> Result<T, Failure> {
    match timeout_at(until, step).await {
        Ok(result) => result.map_err(|error| Failure::from_lettre(phase, &error)),
        Err(_) if phase != Phase::Accept && window.is_expired() => Err(Failure::Late),
        Err(_) => Err(Failure::TimedOut { phase }),
    }
}
