//! A client of the management API. Our own few calls and types, and not a client library's: there a field that the
//! broker leaves out, as it does while a queue has no leader, reads as 0.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use reqwest::{
    Client, Method, RequestBuilder, Response, StatusCode, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect,
};
use rustls::ClientConfig;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Serialize, de::DeserializeOwned};
use service_kit::tls;

use crate::reach::Reach;

/// The first thing read: whether there is a server, which one, and whether it knows the user.
pub(crate) const OVERVIEW: &str = "overview";

/// For one request, answer included.
const DEADLINE: Duration = Duration::from_secs(10);

/// Kept open to one broker for the next request.
const MAX_IDLE: usize = 8;

/// How long a connection is kept for it: the broker closes one that was idle for 5 s (cowboy's `request_timeout`).
const IDLE: Duration = Duration::from_millis(4500);

/// Where the management API is, and as whom to use it.
#[derive(Debug, Clone)]
pub struct ManagementConfig {
    /// `http://HOST:15672`, or `https://…`, with or without a slash or `/api` at the end.
    pub url: String,
    /// Tagged administrator where users or a vhost are to be made, else policymaker with permissions on the vhost.
    pub user: String,
    pub password: SecretString,
    /// PEM file of the CA behind `https://`; without it the public CAs are trusted.
    pub ca_file: Option<PathBuf>,
}

/// Why the broker could not be read or written. Holds no text of the broker's.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("could not prepare TLS for the management API")]
    Tls(#[source] tls::CaError),
    /// Not a URL, or the client could not be made.
    #[error("the management API's address is unusable: write http://HOST:15672")]
    Url(#[source] Option<reqwest::Error>),
    /// [`Reach`] does not have it.
    #[error("the management API's host is none that may be connected to")]
    OutOfReach,
    /// Nobody there, or no answer in 10 s.
    #[error(
        "the management API did not answer: is the plugin rabbitmq_management on, and its port reachable?"
    )]
    Unreachable(#[source] reqwest::Error),
    /// 401.
    #[error(
        "the management API refused the user: check user and password, and that it is tagged administrator"
    )]
    Login,
    /// 403, and 401 about an object.
    #[error("the user may not use '{0}': tag it administrator and give it permissions on the vhost")]
    Forbidden(String),
    #[error("the management API answered {status} to {method} {path}: see the broker's log")]
    Status {
        status: StatusCode,
        method: Method,
        /// The path below `/api`.
        path: String,
    },
    /// Not the JSON that is documented.
    #[error("the management API's answer to GET {0} has another form than RabbitMQ 4 documents")]
    Malformed(String),
}

impl Error {
    /// Whether the connection ended between request and answer, as a kept one does that the broker closes just then.
    fn lost_its_connection(&self) -> bool {
        matches!(self, Self::Unreachable(source) if source.is_request() && !source.is_timeout() && !source.is_connect())
    }

    /// Whether the same write may work a moment later.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, Self::Status { status, .. } if *status == StatusCode::NOT_FOUND || status.is_server_error())
    }
}

/// Connections to any number of management APIs that the same CA vouches for. Clones share them.
#[derive(Debug, Clone)]
pub struct Connections {
    client: Client,
    reach: Reach,
}

impl Connections {
    /// Connects to nobody.
    pub fn new(tls: ClientConfig, reach: Reach) -> Result<Self, Error> {
        let client = Client::builder()
            .dns_resolver(Arc::new(Resolver(reach.clone())))
            .tls_backend_preconfigured(tls)
            .timeout(DEADLINE)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(MAX_IDLE)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .build();
        let client = client.map_err(|source| Error::Url(Some(source)))?;
        Ok(Self { client, reach })
    }
}

/// Looks names up as the system does, and drops addresses out of reach. The connection is made to what is left, so that a
/// second answer of the name's server changes nothing.
struct Resolver(Reach);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed = found.filter(|address| reach.allows_address(address.ip())).collect::<Vec<_>>();
            if allowed.is_empty() {
                return Err(io::Error::from(io::ErrorKind::PermissionDenied).into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

#[derive(Debug, Clone)]
pub struct Management {
    connections: Connections,
    base: String,
    user: String,
    password: SecretString,
}

impl Management {
    /// A client with connections of its own; connects to nobody.
    pub fn new(config: &ManagementConfig) -> Result<Self, Error> {
        let tls = tls::client_config(config.ca_file.as_deref()).map_err(Error::Tls)?;
        Self::on(
            Connections::new(tls, Reach::Anywhere)?,
            &config.url,
            config.user.clone(),
            config.password.clone(),
        )
    }

    /// A client of the API at `url`, as `user` with its password; connects to nobody.
    pub fn on(
        connections: Connections,
        url: &str,
        user: String,
        password: SecretString,
    ) -> Result<Self, Error> {
        let url = url.trim_end_matches('/').trim_end_matches("/api");
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(Error::Url(None));
        }
        // As the client itself reads it: it takes 0x7f000001 for an address.
        let host = Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
        if !connections.reach.allows_host(&host.ok_or(Error::Url(None))?) {
            return Err(Error::OutOfReach);
        }
        Ok(Self { connections, base: format!("{url}/api"), user, password })
    }

    /// Reads `path`, whose segments are already encoded; `None` = it does not exist.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, Error> {
        let mut sent = self.send(Method::GET, path, |request| request).await;
        if sent.as_ref().is_err_and(Error::lost_its_connection) {
            sent = self.send(Method::GET, path, |request| request).await;
        }
        let response = sent?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        // The error of a body that is no JSON quotes it.
        checked(response, Method::GET, path)?
            .json()
            .await
            .map(Some)
            .map_err(|_| Error::Malformed(path.to_owned()))
    }

    /// Reads `path`, which every broker has.
    pub(crate) async fn required<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        self.get(path).await?.ok_or_else(|| Error::Malformed(path.to_owned()))
    }

    pub async fn put(&self, path: &str, body: &(impl Serialize + Sync)) -> Result<(), Error> {
        let response = self.send(Method::PUT, path, |request| request.json(body)).await?;
        checked(response, Method::PUT, path).map(drop)
    }

    /// Adds to a collection.
    pub async fn post(&self, path: &str, body: &(impl Serialize + Sync)) -> Result<(), Error> {
        let response = self.send(Method::POST, path, |request| request.json(body)).await?;
        checked(response, Method::POST, path).map(drop)
    }

    /// Deletes an object; one that does not exist is as good.
    pub async fn delete(&self, path: &str) -> Result<(), Error> {
        let response = self.send(Method::DELETE, path, |request| request).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(());
        }
        checked(response, Method::DELETE, path).map(drop)
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        with: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response, Error> {
        let request = self
            .connections
            .client
            .request(method, format!("{}/{path}", self.base))
            .basic_auth(&self.user, Some(self.password.expose_secret()));
        with(request).send().await.map_err(|source| Error::Unreachable(source.without_url()))
    }
}

fn checked(response: Response, method: Method, path: &str) -> Result<Response, Error> {
    match response.status() {
        status if status.is_success() => Ok(response),
        StatusCode::UNAUTHORIZED if path.split('?').next() == Some(OVERVIEW) => Err(Error::Login),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(Error::Forbidden(path.to_owned())),
        status => Err(Error::Status { status, method, path: path.to_owned() }),
    }
}

/// One segment of a path: everything but letters, digits, `-`, `_` and `~` is percent-encoded, a dot too, or `..`
/// would climb.
#[must_use]
pub fn segment(name: &str) -> String {
    use std::fmt::Write as _;
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::{Error, Management, ManagementConfig, segment};

    fn management(url: &str) -> Result<Management, Error> {
        let url = url.to_owned();
        let user = "u".to_owned();
        let password = "s3cret".into();
        Management::new(&ManagementConfig { url, user, password, ca_file: None })
    }

    #[test]
    fn a_segment_is_encoded_so_that_it_stays_one() {
        assert_eq!(segment("/"), "%2F");
        assert_eq!(segment(".."), "%2E%2E");
        assert_eq!(segment("send-otp.retry.5s"), "send-otp%2Eretry%2E5s");
        assert_eq!(segment("a?b#c d"), "a%3Fb%23c%20d");
    }

    #[test]
    fn the_address_may_end_as_people_write_it() {
        for url in ["http://b:15672", "http://b:15672/", "http://b:15672/api", "http://b:15672/api/"] {
            assert_eq!(management(url).unwrap().base, "http://b:15672/api", "{url}");
        }
        assert!(matches!(management("b:15672"), Err(Error::Url(None))));
    }

    #[test]
    fn debug_shows_no_password() {
        assert!(!format!("{:?}", management("http://b").unwrap()).contains("s3cret"));
    }
}
