//! `make login`: one sign-in by `kubectl-ping`, at the Ping that runs.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::state::State;
use super::{NAMESPACE, STACK};
use crate::cargo;
use crate::environment::variable;
use crate::kubernetes::Kubernetes;
use crate::program::Program;
use crate::repository::Repository;

/// The ports of `make dev`.
const USER_SERVICE_PORT: u16 = 5000;
const MAILPIT_PORT: u16 = 8025;
/// How long a program on this machine may take to answer.
const ANSWER: Duration = Duration::from_secs(5);

/// At `USER_SERVICE_URL`, with Mailpit at `MAILPIT_URL`; without these at the Ping of `make dev` if it runs, else at the one of
/// `make up`. Without an address `kubectl-ping` makes one up.
pub(crate) fn run(repository: &Repository, email: Option<&str>) -> Result<String> {
    let state = State::of(repository)?;
    let here = SocketAddr::from(([127, 0, 0, 1], USER_SERVICE_PORT));
    if variable("USER_SERVICE_URL").is_none() && !is_user_service(here) {
        if state.exists() {
            at_the_demo(&state.cluster(repository)?, email)?;
            return Ok(String::new());
        }
        if TcpStream::connect_timeout(&here, ANSWER).is_ok() {
            bail!(
                "what listens on port {USER_SERVICE_PORT} is not the user-service of 'make dev': end it, or name the Ping to \
                 sign in at by USER_SERVICE_URL"
            );
        }
    }
    let local = |port: u16| format!("http://127.0.0.1:{port}");
    let url = variable("USER_SERVICE_URL").unwrap_or_else(|| local(USER_SERVICE_PORT));
    let mailpit = variable("MAILPIT_URL").unwrap_or_else(|| local(MAILPIT_PORT));
    Program::new(program(repository)?)
        .arguments(["login", "--url", &url, "--mailpit", &mailpit])
        .arguments(address(email))
        .shown()
        .context("no sign-in, see above; 'make dev' or 'make up' starts a Ping")?;
    Ok(String::new())
}

/// Whether user-service listens there: other programs use port 5000, too.
fn is_user_service(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut connection = TcpStream::connect_timeout(&address, ANSWER)?;
        connection.set_read_timeout(Some(ANSWER))?;
        let request = format!("GET /openapi.json HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        connection.write_all(request.as_bytes())?;
        let mut response = String::new();
        connection.read_to_string(&mut response)?;
        Ok(response)
    };
    ask().is_ok_and(|response| response.contains("\"title\":\"Ping user-service\""))
}

/// At the Ping of `make up`, whatever else runs.
pub(super) fn at_the_demo(kubernetes: &Kubernetes<'_>, email: Option<&str>) -> Result<()> {
    let kubectl = kubernetes.repository.path("k8s/kubectl").display().to_string();
    Program::new(program(kubernetes.repository)?)
        .arguments(["login", "--namespace", NAMESPACE, "--stack", STACK])
        .arguments(address(email))
        .arguments(["--mailpit-service", "demo-mailpit", "--kubectl", &kubectl])
        .variable("CLUSTER", &kubernetes.way)
        .without_variable("USER_SERVICE_URL")
        .without_variable("MAILPIT_URL")
        .shown()
}

/// The one of the images where it was compiled, else one that Cargo builds as the tests have it.
fn program(repository: &Repository) -> Result<PathBuf> {
    let prebuilt = repository.path(".build/images/prebuilt/kubectl-ping");
    if prebuilt.exists() {
        return Ok(prebuilt);
    }
    cargo::debug_program(repository, "kubectl-ping")
}

fn address(email: Option<&str>) -> impl Iterator<Item = &str> {
    email.into_iter().flat_map(|email| ["--email", email])
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{SocketAddr, TcpListener};

    use super::is_user_service;

    /// A program that answers one request with this document.
    fn listening(document: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            let _ = connection.read(&mut [0; 1024]).unwrap();
            write!(connection, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{document}").unwrap();
        });
        address
    }

    #[test]
    fn whatever_else_listens_on_the_port_is_not_taken_for_user_service() {
        let ours = r#"{"openapi":"3.1.0","info":{"title":"Ping user-service"}}"#;
        assert!(is_user_service(listening(ours)));
        assert!(!is_user_service(listening(r#"{"openapi":"3.1.0","info":{"title":"A registry"}}"#)));
        assert!(!is_user_service(listening("")));
        let nothing = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert!(!is_user_service(nothing));
    }
}
