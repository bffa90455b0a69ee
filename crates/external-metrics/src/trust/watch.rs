//! Keeps the server's [`Trust`] as the cluster says: the front proxy's `ConfigMap` and our own Secret, both watched.

use std::sync::Arc;

use futures::{Stream, StreamExt as _};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{
    Api, Client,
    runtime::{WatchStreamExt as _, watcher},
};
use rustls::sign::CertifiedKey;
use service_kit::{health::HealthCheck, shutdown::Shutdown, telemetry::chain};
use tokio::sync::watch;

use super::Trust;
use crate::{
    access::front_proxy::{self, FrontProxy},
    certificate::Material,
    settings::Settings,
};

/// Builds a [`Trust`] from both halves whenever one changes, until the soft phase. `check` is ready while there is one.
///
/// A front proxy that is gone or unusable takes the trust away: then nobody gets in. A watch that fails does not: what
/// was read last counts until it is back.
pub async fn follow(
    client: Client,
    settings: Settings,
    trust: watch::Sender<Option<Trust>>,
    check: HealthCheck,
    shutdown: Shutdown,
) {
    let config_maps = Api::<ConfigMap>::namespaced(client.clone(), front_proxy::NAMESPACE);
    let secrets = Api::<Secret>::namespaced(client, &settings.namespace);
    let config_maps = latest(watcher::watch_object(config_maps, front_proxy::CONFIG_MAP).default_backoff());
    let secrets = latest(watcher::watch_object(secrets, &settings.secret).default_backoff());
    let config_maps = config_maps.map(|found| Half::FrontProxy(found.map(|found| front_proxy_of(&found))));
    let secrets = secrets.map(|found| Half::Key(found.map(|found| key_of(&found))));
    let halves = futures::stream::select(config_maps, secrets).take_until(shutdown.soft().cancelled());
    let mut halves = std::pin::pin!(halves);
    let mut both = Both::default();
    check.set_unusable("Starting", "reading the front proxy's CA and the serving certificate");
    while let Some(half) = halves.next().await {
        both.set(half);
        let made = both.trust();
        match &made {
            Ok(_) => check.set_usable(),
            Err(why) => check.set_unusable("CertificateUnusable", why.clone()),
        }
        trust.send_replace(made.ok());
    }
}

/// A half of the trust; `None` if its object does not exist, an error in words if it cannot be used.
enum Half {
    FrontProxy(Option<Result<Arc<FrontProxy>, String>>),
    Key(Option<Result<Arc<CertifiedKey>, String>>),
}

#[derive(Default)]
struct Both {
    front_proxy: Option<Result<Arc<FrontProxy>, String>>,
    key: Option<Result<Arc<CertifiedKey>, String>>,
}

impl Both {
    fn set(&mut self, half: Half) {
        match half {
            Half::FrontProxy(found) => self.front_proxy = found,
            // Our own certificate is no trust in anybody: the last one serves until there is another.
            Half::Key(found) if matches!(self.key, Some(Ok(_))) && !matches!(found, Some(Ok(_))) => {}
            Half::Key(found) => self.key = found,
        }
    }

    fn trust(&self) -> Result<Trust, String> {
        const NO_FRONT_PROXY: &str =
            "the ConfigMap kube-system/extension-apiserver-authentication has not been read yet";
        const NO_KEY: &str = "the leader has not made the serving certificate yet";
        let front_proxy = self.front_proxy.clone().ok_or(NO_FRONT_PROXY)??;
        let key = self.key.clone().ok_or(NO_KEY)??;
        Trust::new(front_proxy, key).map_err(|error| chain(&error))
    }
}

fn front_proxy_of(config_map: &ConfigMap) -> Result<Arc<FrontProxy>, String> {
    FrontProxy::parse(config_map).map(Arc::new).map_err(|error| error.to_string())
}

fn key_of(secret: &Secret) -> Result<Arc<CertifiedKey>, String> {
    Material::read(secret).and_then(|material| material.certified_key()).map_err(|error| error.to_string())
}

/// The object after each change, without the watch's own failures, which are logged.
fn latest<K>(events: impl Stream<Item = Result<Option<K>, watcher::Error>>) -> impl Stream<Item = Option<K>> {
    events.filter_map(|event| async {
        event
            .inspect_err(|error| tracing::warn!(error = chain(error), "a watch failed, starting it again"))
            .ok()
    })
}
