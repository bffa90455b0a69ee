//! The service as main runs it, on ports of its own.

use clap::Parser as _;
use ping_contract::topology::Desired;
use rabbitmq_management::{Management, ManagementConfig};
use reqwest::{Client, Method, RequestBuilder, header::CONTENT_TYPE};
use serde_json::Value;
use service_kit::shutdown::Shutdown;
use test_kit::{port::free_port, readyz::Readyz, vhost::Vhost, wait::wait_until};
use user_service::{config::Config, run};

use super::{Answer, DEADLINE};

/// One service in this process. Ends when dropped.
pub struct Running {
    pub client: Client,
    pub port: u16,
    pub management_port: u16,
    pub shutdown: Shutdown,
}

impl Running {
    /// Starts it with these arguments, without waiting for anything.
    pub async fn start(arguments: &[&str]) -> Self {
        service_kit::tls::install_provider();
        let port = free_port();
        let management_port = free_port();
        let ports = [format!("--port={port}"), format!("--management-port={management_port}")];
        let fixed = ["user-service", "--bind-address=127.0.0.1", "--audit-log=false", &ports[0], &ports[1]];
        let config = Config::try_parse_from(fixed.iter().chain(arguments)).unwrap();
        let shutdown = Shutdown::new();
        run(config, shutdown.clone()).await.unwrap();
        Self { client: Client::new(), port, management_port, shutdown }
    }

    pub async fn wait_until_ready(&self) {
        wait_until("the service to be ready", DEADLINE, || async { self.readyz().await == 200 }).await;
    }

    /// The status of `/readyz`; 0 when nobody answers.
    pub async fn readyz(&self) -> u16 {
        self.management_status("readyz").await
    }

    /// The status of `/livez`; 0 when nobody answers.
    pub async fn livez(&self) -> u16 {
        self.management_status("livez").await
    }

    async fn management_status(&self, path: &str) -> u16 {
        let url = format!("http://127.0.0.1:{}/{path}", self.management_port);
        self.client.get(url).send().await.map_or(0, |answer| answer.status().as_u16())
    }

    /// Waits until the check is not usable for this reason; with an empty one, until it is usable.
    pub async fn wait_for_reason(&self, check: &str, reason: &str) -> Readyz {
        Readyz::wait_for(self.management_port, check, reason).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        let request = self.request(Method::POST, path, None).header(CONTENT_TYPE, "application/json");
        Answer::read(request.body(body.to_string()).send().await.unwrap()).await
    }

    /// Without a body, perhaps with a token.
    pub async fn ask(&self, method: Method, path: &str, token: Option<&str>) -> Answer {
        Answer::read(self.request(method, path, token).send().await.unwrap()).await
    }

    fn request(&self, method: Method, path: &str, token: Option<&str>) -> RequestBuilder {
        let request = self.client.request(method, format!("http://127.0.0.1:{}{path}", self.port));
        match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.trigger();
        self.shutdown.hard().cancel();
    }
}

/// As `ping-topology` does.
pub async fn apply_topology(vhost: &Vhost) {
    let broker = vhost.broker();
    let config = ManagementConfig {
        url: broker.management_url.clone(),
        user: broker.user.clone(),
        password: broker.password.clone().into(),
        ca_file: None,
    };
    let desired = Desired::new(vhost.name());
    rabbitmq_management::apply(&Management::new(&config).unwrap(), &desired).await.unwrap();
}
