//! Where mails of synthetic sign-ins go: the operator's sink, and never the mail server.
//!
//! Nothing of the mail server's settings is used for it: no password is sent, and its trouble is not the mail server's.
//! The connection is not encrypted. What it carries is a code that user-service accepts only together with the challenge
//! of its login, for a user that is nobody.

use std::{str::FromStr, time::Duration};

use lettre::transport::smtp::extension::ClientId;
use ping_contract::synthetic;
use tokio::time::Instant;

use super::{Failure, Mailer, Pool, PoolLimits, Relay, phase::Deadlines, tls::Security};
use crate::message::RenderedMail;

/// Each mail takes a connection of its own, as the sink moves with the operator's leader.
const LIMITS: PoolLimits =
    PoolLimits { sessions: 4, mails: 1, life: Duration::from_secs(30), idle: Duration::from_secs(1) };

/// Short: a sink that hangs must not keep users' mails from being sent.
const DEADLINES: Deadlines = Deadlines {
    connect: Duration::from_secs(4),
    command: Duration::from_secs(3),
    accept: Duration::from_secs(3),
    total: Duration::from_secs(10),
};

/// The address of the sink: a host, which may be an IPv6 address in brackets, and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkAddress {
    host: String,
    port: u16,
}

impl FromStr for SinkAddress {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WANTED: &str = "use a host and a port, such as sink.example.org:2525 or [::1]:2525";
        let (host, port) = text.rsplit_once(':').ok_or(WANTED)?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = bare.unwrap_or(host);
        let port = port.parse().ok().filter(|port| *port > 0).ok_or(WANTED)?;
        if host.is_empty() || (bare.is_none() && host.contains([':', '/', '@'])) {
            return Err(WANTED);
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

impl SinkAddress {
    /// The sessions to it. `hello` is what EHLO says.
    #[must_use]
    pub fn pool(&self, hello: &str) -> Pool {
        let relay = Relay {
            host: self.host.clone(),
            port: self.port,
            security: Security::Plain,
            credentials: None,
            hello: ClientId::Domain(hello.to_owned()),
            deadlines: DEADLINES,
        };
        Pool::new(relay, LIMITS)
    }
}

/// A mailer that hands mails of synthetic sign-ins to the sink, where there is one, and all others to the mail server.
pub struct Routed<M> {
    /// The mail server.
    pub relay: M,
    /// The sink.
    pub sink: Option<Pool>,
}

impl<M: Mailer> Mailer for Routed<M> {
    async fn send(&self, mail: &RenderedMail, expires: Instant) -> Result<(), Failure> {
        let is_synthetic = mail.recipients().iter().all(|recipient| synthetic::is_recipient(recipient));
        match &self.sink {
            Some(sink) if is_synthetic => sink.send(mail, expires).await.map_err(of_sink),
            _ => self.relay.send(mail, expires).await,
        }
    }

    async fn probe(&self, sender: &str) -> Result<(), Failure> {
        self.relay.probe(sender).await
    }
}

fn of_sink(failure: Failure) -> Failure {
    tracing::debug!(%failure, "the sink of synthetic sign-ins");
    if failure == Failure::Late { failure } else { Failure::SinkFailed }
}

#[cfg(test)]
mod tests {
    use super::SinkAddress;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        let parse = |text: &str| text.parse::<SinkAddress>().map(|sink| (sink.host, sink.port));
        assert_eq!(parse("sink.ping-system.svc:2525"), Ok(("sink.ping-system.svc".to_owned(), 2525)));
        assert_eq!(parse("[fd00::7]:2525"), Ok(("fd00::7".to_owned(), 2525)));
        for wrong in [
            "",
            "sink",
            "sink:",
            ":25",
            "sink:0",
            "sink:70000",
            "fd00::7:2525",
            "smtp://sink:25",
            "u@sink:25",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
