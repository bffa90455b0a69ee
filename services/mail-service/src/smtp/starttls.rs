//! A session in clear until it is encrypted: greeting, EHLO, STARTTLS.
//!
//! Not over lettre's connection: it keeps octets that came together with the reply to STARTTLS, and takes them for replies
//! within TLS. Whoever can write into the clear part could so have a refused mail counted as delivered (RFC 3207, section 6;
//! the class of CVE-2011-0411).

use lettre::transport::smtp::extension::ClientId;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    time::{Duration, timeout},
};

use super::{
    failure::{Failure, Reply},
    phase::Phase,
    reply_line::ReplyLine,
};

/// The largest reply that is read, in octets. RFC 5321 lets a line have 512, and no reply here has more than some lines.
const MAX_REPLY: usize = 64 * 1024;

/// Takes `stream` to the point where the client begins its TLS handshake. Each step may take as long as `limit`.
pub(super) async fn prepare<S>(stream: &mut S, hello: &ClientId, limit: Duration) -> Result<(), Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut session = Clear { stream, limit };
    session.reply(Phase::Greeting, 220).await?;
    let extensions = session.command(Phase::Greeting, &format!("EHLO {hello}\r\n"), 250).await?;
    // The first line is the server's name.
    if !extensions.iter().skip(1).any(|line| line.text == "STARTTLS") {
        return Err(Failure::Unsupported { phase: Phase::Tls });
    }
    session.command(Phase::Tls, "STARTTLS\r\n", 220).await?;
    Ok(())
}

struct Clear<'a, S> {
    stream: &'a mut S,
    limit: Duration,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Clear<'_, S> {
    async fn command(
        &mut self,
        phase: Phase,
        command: &str,
        expected: u16,
    ) -> Result<Vec<ReplyLine>, Failure> {
        let write = timeout(self.limit, self.stream.write_all(command.as_bytes())).await;
        write.map_err(|_| Failure::TimedOut { phase })?.map_err(|_| Failure::Broken { phase })?;
        self.reply(phase, expected).await
    }

    /// Reads a reply. An octet after it is a failure: the client has not sent another command.
    async fn reply(&mut self, phase: Phase, expected: u16) -> Result<Vec<ReplyLine>, Failure> {
        let octets = timeout(self.limit, self.octets()).await.map_err(|_| Failure::TimedOut { phase })?;
        let lines = octets.as_deref().and_then(whole).ok_or(Failure::Broken { phase })?;
        let Some(last) = lines.last() else { return Err(Failure::Broken { phase }) };
        match last.code {
            code if code == expected => Ok(lines),
            400..=599 => {
                let reply = Reply::of_refusal(last.code, lines.first().map_or("", |line| &line.text));
                Err(Failure::Refused { phase, reply })
            }
            code => Err(Failure::OutOfStep { phase, code }),
        }
    }

    /// Octets up to the end of a reply, and what came together with it; `None` if the connection ended.
    async fn octets(&mut self) -> Option<Vec<u8>> {
        let mut octets = Vec::new();
        while !ends(&octets) && octets.len() < MAX_REPLY {
            let read = self.stream.read_buf(&mut octets).await.ok()?;
            if read == 0 {
                return None;
            }
        }
        Some(octets)
    }
}

fn lines(octets: &[u8]) -> impl Iterator<Item = &[u8]> {
    octets.split_inclusive(|octet| *octet == b'\n')
}

/// Whether nothing more is to be waited for: the reply is complete, or it is none.
fn ends(octets: &[u8]) -> bool {
    let mut complete = lines(octets).filter(|line| line.ends_with(b"\n"));
    complete.any(|line| ReplyLine::parse(line).is_none_or(|line| line.is_last))
}

/// The lines of a reply, if the octets are one whole reply of one code and nothing else.
fn whole(octets: &[u8]) -> Option<Vec<ReplyLine>> {
    if !octets.ends_with(b"\n") {
        return None;
    }
    let lines = lines(octets).map(ReplyLine::parse).collect::<Option<Vec<_>>>()?;
    let (last, others) = lines.split_last()?;
    let is_one = last.is_last && others.iter().all(|line| !line.is_last && line.code == last.code);
    is_one.then_some(lines)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lettre::transport::smtp::extension::ClientId;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::{Failure, Phase, Reply, prepare};

    /// Says `said` in pieces, one after each command but the first, which it says at once.
    async fn prepared(said: &[&[u8]]) -> Result<(), Failure> {
        let (mut client, mut server) = duplex(1 << 16);
        let speak = async move {
            let mut command = [0; 256];
            for octets in said {
                server.write_all(octets).await.unwrap();
                if server.read(&mut command).await.unwrap_or(0) == 0 {
                    break;
                }
            }
        };
        let hello = ClientId::Domain("ping.example".to_owned());
        let prepare = async {
            let result = prepare(&mut client, &hello, Duration::from_secs(30)).await;
            drop(client);
            result
        };
        tokio::join!(prepare, speak).0
    }

    const GREETING: &[u8] = b"220 relay\r\n";

    #[tokio::test]
    async fn a_server_that_offers_starttls_is_asked_for_it_whatever_the_case_and_the_octets() {
        let offer = b"250-relay caf\xe9\r\n250-starttls\r\n250 size\r\n";
        assert_eq!(prepared(&[GREETING, offer, b"220 go\r\n"]).await, Ok(()));
        assert_eq!(prepared(&[b"220\n", b"250-relay\n250 StartTLS\n", b"220\n"]).await, Ok(()));
    }

    #[tokio::test]
    async fn an_octet_behind_the_reply_to_starttls_is_a_failure() {
        let offer: &[u8] = b"250-relay\r\n250 STARTTLS\r\n";
        for reply in [&b"220 go\r\n250 queued\r\n"[..], b"220 go\r\nx", b"220 go\r\n250-", b"220 go\r\n\r\n"]
        {
            let broken = Err(Failure::Broken { phase: Phase::Tls });
            assert_eq!(
                prepared(&[GREETING, offer, reply]).await,
                broken,
                "{}",
                String::from_utf8_lossy(reply)
            );
        }
    }

    #[tokio::test]
    async fn an_octet_behind_an_earlier_reply_is_a_failure_too() {
        let broken = Err(Failure::Broken { phase: Phase::Greeting });
        assert_eq!(prepared(&[b"220 relay\r\n250 STARTTLS\r\n"]).await, broken);
        assert_eq!(prepared(&[GREETING, b"250-relay\r\n250 STARTTLS\r\n220 go\r\n"]).await, broken);
    }

    #[tokio::test]
    async fn refusals_and_a_missing_offer_are_told_apart() {
        let refused = |phase, code| Err(Failure::Refused { phase, reply: Reply::new(code) });
        let offer: &[u8] = b"250-relay\r\n250 STARTTLS\r\n";
        assert_eq!(prepared(&[b"554 go away\r\n"]).await, refused(Phase::Greeting, 554));
        assert_eq!(prepared(&[GREETING, b"502 what\r\n"]).await, refused(Phase::Greeting, 502));
        assert_eq!(prepared(&[GREETING, offer, b"454 later\r\n"]).await, refused(Phase::Tls, 454));
        let unsupported = Err(Failure::Unsupported { phase: Phase::Tls });
        assert_eq!(prepared(&[GREETING, b"250-STARTTLS\r\n250 SIZE\r\n"]).await, unsupported, "its name");
        assert_eq!(prepared(&[b"SSH-2.0-x\r\n"]).await, Err(Failure::Broken { phase: Phase::Greeting }));
    }
}
