//! What the pods of user-service and mail-service say of the servers they need, from `/readyz?verbose` of each pod.
//!
//! The leader asks the pods of each stack about every 15 s, and has a stack reconciled when the answers changed. A
//! reconcile itself asks only the pods that nobody has asked yet.
//!
//! - [`report`]: an answer, read strictly;
//! - [`reader`]: asks one pod;
//! - [`readings`]: what came of it, and how long it counts.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures::{channel::mpsc::UnboundedSender, future::join_all};
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::reflector::ObjectRef;
use service_kit::{backoff, shutdown::Shutdown};
use tokio::sync::watch;

use crate::{
    names::{Part, StackId},
    requeue::about,
    watches::{Pods, StoredStack},
};

pub mod reader;
pub mod readings;
pub mod report;

pub use reader::Reader;
pub use readings::{PodReport, Reports, Said};

use readings::{Asked, Readings};

/// How long to wait between two rounds of questions to the pods of a stack, at most.
const INTERVAL: Duration = Duration::from_secs(15);

/// The reports of all pods in one scope. Clones share them.
#[derive(Clone)]
pub struct PodReports {
    pods: Pods,
    reader: Reader,
    stacks: Arc<Mutex<HashMap<String, Stack>>>,
    touched: UnboundedSender<ObjectRef<StoredStack>>,
    shutdown: Shutdown,
}

/// One stack, by its uid.
struct Stack {
    readings: Readings,
    /// What the latest reconcile, or the latest round of questions, made of them.
    known: Reports,
    /// Ends the rounds of questions when it is dropped.
    _alive: watch::Sender<()>,
}

/// A pod that can be asked.
struct Target {
    uid: String,
    part: Part,
    address: IpAddr,
    ready: bool,
}

impl PodReports {
    /// Asks nobody yet. A stack whose reports changed is sent to `touched`.
    #[must_use]
    pub fn new(
        pods: Pods,
        reader: Reader,
        touched: UnboundedSender<ObjectRef<StoredStack>>,
        shutdown: Shutdown,
    ) -> Self {
        Self { pods, reader, stacks: Arc::default(), touched, shutdown }
    }

    /// Asks nobody, ever.
    #[cfg(test)]
    pub(crate) fn idle(pods: Pods) -> Self {
        let reader = Reader::new(std::collections::BTreeMap::new());
        Self::new(pods, reader, futures::channel::mpsc::unbounded().0, Shutdown::new())
    }

    /// What the pods of a stack say. Waits for pods that were not asked before, and starts to ask regularly.
    pub async fn of(&self, id: &StackId) -> Reports {
        self.follow(id);
        self.ask(id, Readings::is_asked_first).await;
        self.update(id).0
    }

    /// Forgets a stack that is gone.
    pub fn forget(&self, uid: &str) {
        self.stacks().remove(uid);
    }

    /// Starts the rounds of questions, unless they go on already.
    fn follow(&self, id: &StackId) {
        let mut stacks = self.stacks();
        if stacks.contains_key(&id.uid) {
            return;
        }
        let (sender, alive) = watch::channel(());
        let stack = Stack { readings: Readings::default(), known: Reports::default(), _alive: sender };
        stacks.insert(id.uid.clone(), stack);
        drop(stacks);
        self.shutdown.spawn("questions to the pods of a stack", self.clone().rounds(id.clone(), alive));
    }

    /// Asks again and again until the stack is forgotten or the soft phase begins.
    async fn rounds(self, id: StackId, mut alive: watch::Receiver<()>) {
        loop {
            tokio::select! {
                waited = backoff::pause(about(INTERVAL), &self.shutdown) => if waited.is_err() { return },
                _ = alive.changed() => return,
            }
            self.ask(&id, |_, _, _| true).await;
            if self.update(&id).1 {
                // The receiver is gone only when the process is going.
                let _ = self.touched.unbounded_send(ObjectRef::new(&id.name).within(&id.namespace));
            }
        }
    }

    /// Asks at once all pods for which `wanted` holds.
    async fn ask(&self, id: &StackId, wanted: impl Fn(&Readings, &str, bool) -> bool) {
        let mut targets = self.targets(id);
        if let Some(stack) = self.stacks().get(&id.uid) {
            targets.retain(|target| wanted(&stack.readings, &target.uid, target.ready));
        }
        let at = Instant::now();
        let answers =
            join_all(targets.iter().map(|target| self.reader.ask(target.part, target.address))).await;
        if let Some(stack) = self.stacks().get_mut(&id.uid) {
            for (target, answer) in targets.into_iter().zip(answers) {
                stack.readings.record(target.uid, Asked { at, ready: target.ready, answer });
            }
        }
    }

    /// The reports as they are now, and whether they differ from those that were known before.
    fn update(&self, id: &StackId) -> (Reports, bool) {
        let pods = |part| self.pods.of(id, part);
        let user_service = pods(Part::UserService);
        let mail_service = pods(Part::MailService);
        let mut stacks = self.stacks();
        let Some(stack) = stacks.get_mut(&id.uid) else { return (Reports::default(), false) };
        stack
            .readings
            .retain(user_service.iter().chain(&mail_service).filter_map(|pod| pod.metadata.uid.as_deref()));
        let now = Instant::now();
        let reports = Reports {
            user_service: stack.readings.of(&user_service, now),
            mail_service: stack.readings.of(&mail_service, now),
        };
        let changed = reports.differs_from(&stack.known);
        stack.known = reports.clone();
        (reports, changed)
    }

    fn targets(&self, id: &StackId) -> Vec<Target> {
        let of_part = |part| self.pods.of(id, part).into_iter().filter_map(move |pod| target(part, &pod));
        self.reader.parts().flat_map(of_part).collect()
    }

    fn stacks(&self) -> MutexGuard<'_, HashMap<String, Stack>> {
        self.stacks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A pod that runs and is not about to end.
fn target(part: Part, pod: &Pod) -> Option<Target> {
    let status = pod.status.as_ref()?;
    let runs = status.phase.as_deref() == Some("Running") && pod.metadata.deletion_timestamp.is_none();
    let address = status.pod_ip.as_deref()?.parse().ok()?;
    let target = Target { uid: pod.metadata.uid.clone()?, part, address, ready: readings::is_ready(pod) };
    runs.then_some(target)
}

#[cfg(test)]
mod tests;
