//! A stream whose replies lettre understands: each line is read by [`ReplyLine`]. What is written passes unchanged.

use std::{
    fmt,
    io::{self, ErrorKind},
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::reply_line::ReplyLine;

/// The longest line that is waited for. RFC 5321 allows 512 octets.
const MAX_LINE: usize = 16 * 1024;

/// The server's side of a session, line by line.
pub(super) struct Replies<S> {
    stream: S,
    peer: SocketAddr,
    /// A line that is not whole yet.
    pending: Vec<u8>,
    /// Lines for lettre.
    lines: Vec<u8>,
    given: usize,
}

impl<S> Replies<S> {
    /// The session from its greeting on.
    pub(super) const fn new(stream: S, peer: SocketAddr) -> Self {
        Self { stream, peer, pending: Vec::new(), lines: Vec::new(), given: 0 }
    }

    /// The session after STARTTLS: lettre begins with a greeting, which the server does not repeat.
    pub(super) fn after_greeting(stream: S, peer: SocketAddr) -> Self {
        Self { lines: b"220 \r\n".to_vec(), ..Self::new(stream, peer) }
    }

    /// Takes octets of the server, and passes on the lines that are whole.
    fn take(&mut self, octets: &[u8]) -> io::Result<()> {
        self.pending.extend_from_slice(octets);
        while let Some(end) = self.pending.iter().position(|octet| *octet == b'\n') {
            let rest = self.pending.split_off(end + 1);
            let line = std::mem::replace(&mut self.pending, rest);
            let line = ReplyLine::parse(&line).ok_or(ErrorKind::InvalidData)?;
            self.lines.extend_from_slice(line.to_wire().as_bytes());
        }
        if self.pending.len() > MAX_LINE { Err(ErrorKind::InvalidData.into()) } else { Ok(()) }
    }

    /// Gives `buffer` what it has room for.
    fn give(&mut self, buffer: &mut ReadBuf<'_>) {
        let lines = &self.lines[self.given..];
        let count = lines.len().min(buffer.remaining());
        buffer.put_slice(&lines[..count]);
        self.given += count;
        if self.given == self.lines.len() {
            self.lines.clear();
            self.given = 0;
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Replies<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.lines.is_empty() {
            let mut octets = [0; 2048];
            let mut read = ReadBuf::new(&mut octets);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut read))?;
            if read.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            self.take(read.filled())?;
        }
        self.give(buffer);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Replies<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + Sync + 'static> AsyncTokioStream for Replies<S> {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

impl<S> fmt::Debug for Replies<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Replies")
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::Replies;

    async fn read(replies: Replies<&[u8]>) -> String {
        let mut replies = replies;
        let mut text = String::new();
        replies.read_to_string(&mut text).await.map_or_else(|error| error.to_string(), |_| text)
    }

    fn peer() -> std::net::SocketAddr {
        ([127, 0, 0, 1], 25).into()
    }

    #[tokio::test]
    async fn lines_pass_whole_and_what_is_cut_off_does_not() {
        let octets: &[u8] = b"220 caf\xe9\n250-x\r\n250\r\n35";
        assert_eq!(read(Replies::new(octets, peer())).await, "220 caf?\r\n250-X\r\n250 \r\n");
    }

    #[tokio::test]
    async fn after_starttls_lettre_finds_the_greeting_that_it_begins_with() {
        let octets: &[u8] = b"250 x\r\n";
        assert_eq!(read(Replies::after_greeting(octets, peer())).await, "220 \r\n250 X\r\n");
    }

    #[tokio::test]
    async fn what_is_no_reply_and_a_line_without_end_are_errors() {
        let endless = [b"250 ".to_vec(), vec![b'x'; 20_000]].concat();
        for octets in [&b"SSH-2.0-x\r\n"[..], &endless] {
            assert_eq!(read(Replies::new(octets, peer())).await, "invalid data");
        }
    }
}
