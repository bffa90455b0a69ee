//! Serves one metric, `queue_length`, with one series in each namespace: a number that never changes. A `HorizontalPodAutoscaler`
//! with the External metric `queue_length` follows it.
//!
//! It runs in a pod, with the rights and the Service that the README lists.

use std::{process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context as _;
use clap::Parser;
use external_metrics::{Demand, ExternalMetricsProvider, Sample, Series, Service, Settings, Slots};
use k8s_openapi::jiff::Timestamp;
use service_kit::{health::Health, shutdown::Shutdown, tls};
use tokio::{net::TcpListener, sync::watch};

#[derive(Parser)]
struct Args {
    /// The namespace of this pod
    #[arg(long, env = "POD_NAMESPACE")]
    namespace: String,
    /// The name of this pod
    #[arg(long, env = "POD_NAME")]
    pod_name: String,
    /// What the queue holds
    #[arg(long, default_value_t = 7)]
    length: u64,
}

/// The one queue.
struct Queue {
    length: u64,
}

impl ExternalMetricsProvider for Queue {
    fn metrics(&self) -> Vec<String> {
        vec!["queue_length".to_owned()]
    }

    fn values(&self, _namespace: &str, _metric: &str) -> Vec<Series> {
        let sample = Sample { value: self.length, taken_at: Timestamp::now() };
        vec![Series { labels: [("queue".to_owned(), "jobs".to_owned())].into(), sample: Ok(sample) }]
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    tls::install_provider();
    let Args { namespace, pod_name, length } = Args::parse();
    let name = || "queue-length".to_owned();
    let settings = Settings {
        manager: name(),
        namespace,
        pod_name,
        service: name(),
        secret: name(),
        cluster_role: name(),
    };
    // The program needs its own API for as long as it runs.
    let (_demand, demand) = watch::channel(Demand::Needed);
    let (slots, _) = watch::channel(Slots::default());
    let service = Service {
        client: kube::Client::try_default().await.context("the API server was not found")?,
        settings,
        provider: Arc::new(Queue { length }),
        demand,
        slots,
        listener: TcpListener::bind("[::]:8443").await.context("port 8443 is in use")?,
    };
    let shutdown = Shutdown::on_signals()?;
    let check = Health::new().require_always("certificate");
    // The one replica is the leader.
    external_metrics::start(service, check, &shutdown).keep(&shutdown).await;
    Ok(shutdown.finish(Duration::from_secs(20)).await.into())
}
