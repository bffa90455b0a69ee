//! The limit of the mail path: mails to the sink, over connections that never wait for a queue or for Redis. The same
//! octets in the same order as mail-service's, the envelope in one write.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Instant, SystemTime},
};

use anyhow::{Context as _, Result, bail, ensure};
use mail_service::message::MessageWriter;
use ping_contract::{
    address::EmailAddress,
    event::{EventId, MailEvent},
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    task::JoinSet,
};

use crate::{
    backlog::recipient,
    child::{self, LoopReport},
    config::BareSmtpOptions,
    statistics::Latency,
};

/// An open session.
struct Session(BufReader<TcpStream>);

/// The child process.
pub(crate) async fn run(options: BareSmtpOptions) -> Result<bool> {
    let content = Arc::new(content()?);
    let mut sessions = Vec::new();
    for _ in 0..options.connections {
        sessions.push(Session::open(options.address).await?);
    }
    child::wait_for_go()?;
    let next = Arc::new(AtomicU64::new(0));
    let mails = u64::from(options.mails);
    let tasks =
        sessions.into_iter().map(|session| session.send(Arc::clone(&next), mails, Arc::clone(&content)));
    let mut tasks = tasks.collect::<JoinSet<_>>();
    let mut latency = Vec::new();
    let mut failure = None;
    while let Some(ended) = tasks.join_next().await {
        match ended? {
            Ok(latencies) => latency.extend(latencies),
            Err(error) => failure = Some(format!("{error:#}")),
        }
    }
    let requests = latency.len() as u64;
    child::tell(&LoopReport { requests, latency_us: Latency::of(latency), failure })
}

/// A mail as mail-service writes it, with the final dot.
fn content() -> Result<Vec<u8>> {
    let id = EventId::from_bytes([7; 16]);
    let event = MailEvent::sign_in_code(id.clone(), EmailAddress::parse(&recipient(0))?, "123456", 5);
    let mail =
        MessageWriter::new("Ping <no-reply@example.org>")?.write(&event, None, &id, SystemTime::now())?;
    Ok([mail.content(), b"\r\n.\r\n"].concat())
}

impl Session {
    async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await.context("the sink is not there")?;
        stream.set_nodelay(true)?;
        let mut session = Self(BufReader::new(stream));
        session.reply("220").await?;
        session.0.write_all(b"EHLO load.example.org\r\n").await?;
        session.reply("250").await?;
        Ok(session)
    }

    async fn send(mut self, next: Arc<AtomicU64>, mails: u64, content: Arc<Vec<u8>>) -> Result<Vec<u32>> {
        let mut latency = Vec::new();
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            if n >= mails {
                return Ok(latency);
            }
            let began = Instant::now();
            let envelope =
                format!("MAIL FROM:<no-reply@example.org>\r\nRCPT TO:<{}>\r\nDATA\r\n", recipient(n));
            self.0.write_all(envelope.as_bytes()).await?;
            for code in ["250", "250", "354"] {
                self.reply(code).await?;
            }
            self.0.write_all(&content).await?;
            self.reply("250").await?;
            latency.push(u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX));
        }
    }

    /// Reads one reply, all its lines.
    async fn reply(&mut self, code: &str) -> Result<()> {
        let mut line = String::new();
        loop {
            line.clear();
            ensure!(self.0.read_line(&mut line).await? > 0, "the sink hung up");
            match line.strip_prefix(code) {
                Some(rest) if rest.starts_with('-') => {}
                Some(_) => return Ok(()),
                None => bail!("the sink said something else than {code}"),
            }
        }
    }
}
