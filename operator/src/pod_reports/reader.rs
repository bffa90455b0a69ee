//! Asks one pod for its report.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use k8s_openapi::jiff::{Timestamp, fmt::rfc2822};

use super::report::{Clocks, MAX_OCTETS, Report};
use crate::names::Part;

/// For connection, answer and body.
const DEADLINE: Duration = Duration::from_secs(2);

/// Buffer for the head of an answer; a longer head is an error.
const HEAD_OCTETS: usize = 16 * 1024;

/// What came of asking a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Report(Report),
    /// Something else: its image is older than the reports, or is another program.
    NoReport,
    /// Nothing within the deadline, or no connection.
    Silent,
}

/// Asks pods over plain HTTP, each time over a new connection. Follows no redirects and uses no proxy.
#[derive(Clone)]
pub struct Reader {
    client: Client<HttpConnector, Empty<Bytes>>,
    ports: BTreeMap<Part, u16>,
}

impl Reader {
    /// Asks the pods of these parts, each at its port; connects to nobody yet.
    #[must_use]
    pub fn new(ports: BTreeMap<Part, u16>) -> Self {
        let client = Client::builder(TokioExecutor::new())
            // Pods come and go, and a connection that nobody uses for 15 s costs more memory than making it costs time.
            .pool_max_idle_per_host(0)
            .http1_max_buf_size(HEAD_OCTETS)
            .build_http();
        Self { client, ports }
    }

    /// The parts whose pods have reports.
    pub fn parts(&self) -> impl Iterator<Item = Part> {
        self.ports.keys().copied()
    }

    /// Asks the pod of a part at this address.
    pub async fn ask(&self, part: Part, address: IpAddr) -> Answer {
        let Some(number) = self.ports.get(&part) else { return Answer::NoReport };
        let uri = format!("http://{}/readyz?verbose", SocketAddr::new(address, *number));
        let request = Request::get(uri).header(header::ACCEPT, "application/json").body(Empty::new());
        let Ok(request) = request else { return Answer::NoReport };
        let answer = async {
            let response = self.client.request(request).await.ok()?;
            Some(read(response).await)
        };
        tokio::time::timeout(DEADLINE, answer).await.ok().flatten().unwrap_or(Answer::Silent)
    }
}

/// A pod that is not ready answers 503, with the same body.
async fn read(response: Response<Incoming>) -> Answer {
    if !matches!(response.status(), StatusCode::OK | StatusCode::SERVICE_UNAVAILABLE) {
        return Answer::NoReport;
    }
    let operator = Timestamp::now();
    let clocks = Clocks { pod: sent_at(response.headers()).unwrap_or(operator), operator };
    let Ok(body) = Limited::new(response.into_body(), MAX_OCTETS).collect().await else {
        return Answer::NoReport;
    };
    Report::parse(&body.to_bytes(), clocks).map_or(Answer::NoReport, Answer::Report)
}

/// When the answer was sent, on the clock of the pod.
fn sent_at(headers: &HeaderMap) -> Option<Timestamp> {
    let date = headers.get(header::DATE)?.to_str().ok()?;
    rfc2822::DateTimeParser::new().parse_timestamp(date).ok()
}
