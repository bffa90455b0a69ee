//! A Redis of one test's own, and a database of one test's own on the shared Redis.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::{ServerProcess, SmallDisk};
use crate::certificates::Certificate;
use crate::port::free_port;
use crate::wait::wait_until;

/// A first start may have to make the root file system.
const START_DEADLINE: Duration = Duration::from_mins(5);
/// As `dev/server` configures it.
const DATABASES: u32 = 4096;

/// A private Redis: append-only file, `noeviction`. Killed and removed when dropped.
#[derive(Debug)]
pub struct RedisServer {
    /// Kill, stop, pause and resume it here.
    pub process: ServerProcess,
    port: u16,
}

impl RedisServer {
    /// Starts one and waits until it answers.
    pub async fn start() -> Self {
        Self::start_with(&[], None).await
    }

    /// With more arguments of `redis-server`, as in `["--maxmemory", "20mb"]`, and perhaps a small disk.
    pub async fn start_with(arguments: &[&str], disk: Option<SmallDisk>) -> Self {
        let port = free_port();
        let mut all = vec!["redis".to_owned(), "--port".to_owned(), port.to_string(), "--".to_owned()];
        all.extend(arguments.iter().map(|&argument| argument.to_owned()));
        let mut server = Self { process: ServerProcess::start(all, address(port), disk), port };
        server.wait_until_it_answers().await;
        server
    }

    /// With the users of an ACL file (`user NAME RULE…` a line), so that only they can log in. Answers as soon as Redis
    /// does, which may still be reading its data.
    pub async fn start_with_users(acl: &str) -> Self {
        let users = acl.lines().filter_map(|line| line.strip_prefix("user "));
        let arguments = users.flat_map(|user| std::iter::once("--user").chain(user.split_whitespace()));
        Self::start_with(&arguments.collect::<Vec<_>>(), None).await
    }

    /// Speaks TLS on its only port, with this certificate. Returns as soon as it listens.
    pub async fn start_with_tls(certificate: &Certificate) -> Self {
        let port = free_port();
        let options = [
            "redis",
            "--port",
            &port.to_string(),
            "--",
            "--port",
            "0",
            "--tls-port",
            &port.to_string(),
            "--tls-cert-file",
            "tls.crt",
            "--tls-key-file",
            "tls.key",
            "--tls-ca-cert-file",
            "ca.crt",
            "--tls-auth-clients",
            "no",
        ];
        let arguments = options.map(str::to_owned).to_vec();
        let process = ServerProcess::start_with_files(arguments, address(port), None, &certificate.files());
        let mut server = Self { process, port };
        let process = &mut server.process;
        wait_until("a private Redis to listen", START_DEADLINE, || {
            process.assert_running();
            async move { TcpStream::connect(address(port)).await.is_ok() }
        })
        .await;
        server
    }

    /// `redis://…` of database 0.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://{}/0", self.address())
    }

    /// Its address, for a [`Proxy`](crate::proxy::Proxy).
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        address(self.port)
    }

    /// Stops it if it runs, starts it on the same port and data, waits until it answers.
    pub async fn restart(&mut self) {
        self.process.start_again().await;
        self.wait_until_it_answers().await;
    }

    /// What it has logged since its first start.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Kills it, as a crash does. Its data stays.
    pub async fn kill9(&mut self) {
        self.process.kill9().await;
    }

    /// One command in Redis' inline form, as in `CONFIG SET maxmemory 1`; the first line of the answer, without its type's mark.
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn command(&self, command: &str) -> std::io::Result<String> {
        Connection::open(&self.address().to_string()).await?.command(command).await
    }

    async fn wait_until_it_answers(&mut self) {
        let address = self.address().to_string();
        let process = &mut self.process;
        wait_until("a private Redis to answer", START_DEADLINE, || {
            process.assert_running();
            let address = address.clone();
            async move {
                let Ok(mut connection) = Connection::open(&address).await else { return false };
                let answers = |answer: String| answer == "PONG" || answer.starts_with("NOAUTH");
                connection.command("PING").await.is_ok_and(answers)
            }
        })
        .await;
    }
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// The URL of an empty database on the shared Redis that no other test uses.
///
/// # Panics
/// When the shared Redis cannot be reached.
pub async fn fresh_database() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let shared = super::shared_redis_url();
    let base =
        shared.rsplit_once('/').filter(|(base, _)| !base.ends_with('/')).map_or(&*shared, |(base, _)| base);
    let address = base.trim_start_matches("redis://");
    // Test binaries that run side by side start far apart, and a claimed database is passed over.
    let start = std::process::id().wrapping_mul(389);
    for _ in 0..DATABASES {
        let database = start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % (DATABASES - 1) + 1;
        if claim(address, database).await.unwrap_or_else(|error| panic!("no Redis at {address}: {error}")) {
            return format!("{base}/{database}");
        }
    }
    panic!("all {DATABASES} databases of the shared Redis are taken")
}

/// The claim lies in database 0, so that a test may flush its own.
async fn claim(address: &str, database: u32) -> std::io::Result<bool> {
    let mut connection = Connection::open(address).await?;
    if connection.command(&format!("SET test-kit:database:{database} 1 NX EX 3600")).await? != "OK" {
        return Ok(false);
    }
    connection.command(&format!("SELECT {database}")).await?;
    connection.command("FLUSHDB").await?;
    Ok(true)
}

/// Enough of the protocol for commands whose answer is one line.
struct Connection(BufReader<TcpStream>);

impl Connection {
    async fn open(address: &str) -> std::io::Result<Self> {
        TcpStream::connect(address).await.map(|socket| Self(BufReader::new(socket)))
    }

    async fn command(&mut self, command: &str) -> std::io::Result<String> {
        self.0.write_all(format!("{command}\r\n").as_bytes()).await?;
        let mut line = String::new();
        self.0.read_line(&mut line).await?;
        Ok(line.trim_end().get(1..).unwrap_or_default().to_owned())
    }
}
