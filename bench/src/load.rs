//! Requests in closed loop: each connection sends its next request when it has the answer to the last. hyper's own
//! client connection, driven by the task that uses it: nothing else costs less and still speaks HTTP by the book.

use std::{collections::BTreeMap, net::SocketAddr, pin::pin, time::Instant};

use futures::future::{Either, join_all, select};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::requests::{Requests, Wanted};

/// What became of the requests.
#[derive(Debug, Default)]
pub(crate) struct Load {
    /// How often each status was answered; 0 is a failed connection.
    pub(crate) answers: BTreeMap<u16, u64>,
    /// Logins answered 200: each has a mail event.
    pub(crate) logins: u64,
    /// Answers that were not the right ones, by status.
    pub(crate) wrong: BTreeMap<u16, u64>,
    /// Of every answer.
    pub(crate) latency_us: Vec<u32>,
}

/// Sends over so many connections until `end`.
pub(crate) async fn run(address: SocketAddr, connections: u32, end: Instant, requests: &Requests) -> Load {
    let connections = (0..connections).map(|_| connection(address, end, requests));
    join_all(connections).await.into_iter().fold(Load::default(), Load::and)
}

impl Load {
    /// Why this load does not count, if anything but the right answers came.
    pub(crate) fn complaint(&self) -> Option<String> {
        (!self.wrong.is_empty())
            .then(|| format!("answers that must not be (0 = failed connection): {:?}", self.wrong))
    }

    /// Both together.
    pub(crate) fn and(mut self, other: Self) -> Self {
        for (into, from) in [(&mut self.answers, other.answers), (&mut self.wrong, other.wrong)] {
            for (status, count) in from {
                *into.entry(status).or_default() += count;
            }
        }
        self.logins += other.logins;
        self.latency_us.extend(other.latency_us);
        self
    }

    fn count(&mut self, status: u16, wanted: &[u16]) {
        *self.answers.entry(status).or_default() += 1;
        if !wanted.contains(&status) {
            *self.wrong.entry(status).or_default() += 1;
        }
    }
}

async fn connection(address: SocketAddr, end: Instant, requests: &Requests) -> Load {
    let mut load = Load::default();
    let Ok(stream) = TcpStream::connect(address).await else {
        load.count(0, &[]);
        return load;
    };
    // Only speed is lost where it fails.
    let _ = stream.set_nodelay(true);
    let Ok((sender, driver)) = handshake(TokioIo::new(stream)).await else {
        load.count(0, &[]);
        return load;
    };
    let sent = async {
        if send_until(end, sender, requests, &mut load).await.is_err() {
            load.count(0, &[]);
        }
    };
    // The driver ends early only when the server hangs up; the sender then fails by itself.
    if let Either::Right((_, sent)) = select(pin!(sent), driver).await {
        sent.await;
    }
    load
}

async fn send_until(
    end: Instant,
    mut sender: SendRequest<Full<bytes::Bytes>>,
    requests: &Requests,
    load: &mut Load,
) -> hyper::Result<()> {
    let mut last = None;
    while Instant::now() < end {
        let Wanted { request, statuses, login } = requests.next(last);
        let began = Instant::now();
        sender.ready().await?;
        let answer = sender.send_request(request).await?;
        let status = answer.status().as_u16();
        answer.into_body().collect().await?;
        load.latency_us.push(u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX));
        load.count(status, statuses);
        if login.is_some() && status == 200 {
            load.logins += 1;
            last = login;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::{Load, run};
    use crate::requests::Requests;

    async fn load_of(answer: &'static str) -> Load {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            while stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        };
        let requests = Requests::logins(0);
        let end = Instant::now() + Duration::from_millis(50);
        tokio::join!(run(address, 1, end, &requests), server).0
    }

    #[tokio::test]
    async fn answers_are_counted_and_timed() {
        let load = load_of("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
        assert!(load.logins > 0 && load.complaint().is_none(), "{load:?}");
        assert_eq!((load.answers[&200], load.latency_us.len() as u64), (load.logins, load.logins));
    }

    #[tokio::test]
    async fn a_503_is_a_complaint() {
        let load = load_of("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n").await;
        assert!(load.complaint().is_some_and(|words| words.contains("503")));
        assert_eq!(load.logins, 0);
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_a_complaint() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let load = run(address, 2, Instant::now() + Duration::from_secs(5), &Requests::logins(0)).await;
        assert_eq!(load.answers[&0], 2);
        assert!(load.complaint().is_some());
    }
}
