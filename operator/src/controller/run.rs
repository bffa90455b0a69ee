//! Watches stacks in one scope, reconciles them, and keeps the depth of their queues in their status.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
};

use futures::{StreamExt as _, TryStreamExt as _, channel::mpsc};
use kube::{
    ResourceExt as _,
    runtime::{
        Config, Controller, PredicateConfig, WatchStreamExt as _, controller,
        reflector::{self, ObjectRef},
        watcher,
    },
};
use service_kit::{shutdown::Shutdown, telemetry::chain};

use super::{Context, build, error_policy, own_scaling, queue_status, reconcile};
use crate::{
    names::{
        Part, ROTATE_ANNOTATION, ROTATE_MAIL_KEYS_ANNOTATION, ROTATE_PEPPER_ANNOTATION,
        ROTATE_SIGNING_KEY_ANNOTATION, SIGN_IN_ANNOTATION, StackId,
    },
    pod_reports::{PodReports, Reader},
    synthetic_login::Touch,
    watches::{Children, StoredStack, Watches},
};

/// How many stacks are reconciled at the same time.
const CONCURRENCY: u16 = 8;

/// Events within this time are one.
const DEBOUNCE: std::time::Duration = std::time::Duration::from_millis(500);

/// Watches one scope until the soft phase. `context` makes what reconciles use, from the scope's caches and the reports of
/// its pods.
pub async fn run(watches: Watches<'_>, context: impl FnOnce(Children, PodReports, Touch) -> Context) {
    let shutdown = watches.shutdown.clone();
    let (touched_sender, touched) = mpsc::unbounded();
    let children = Children::watch(&watches, &touched_sender);
    if !filled(&children, &shutdown).await {
        return;
    }
    let port = |part: Part| Some((part, build::management_port(part)?));
    let reader = Reader::new(Part::ALL.into_iter().filter_map(port).collect());
    let reports = PodReports::new(children.pods.clone(), reader, touched_sender.clone(), shutdown.clone());
    let touch: Touch = Arc::new(move |id: &StackId| {
        // The receiver is gone only when the process is going.
        let _ = touched_sender.unbounded_send(ObjectRef::new(&id.name).within(&id.namespace));
    });
    let context = Arc::new(context(children, reports, touch));
    let (store, writer) = reflector::store::<StoredStack>();
    let gone = Arc::clone(&context);
    let stacks = watcher(watches.api::<StoredStack>(), watcher::Config::default())
        .default_backoff()
        .inspect_ok(move |event| forget_deleted(event, &gone))
        .reflect(writer)
        .applied_objects()
        .predicate_filter(what_a_person_changes, PredicateConfig::default());
    let depths = queue_status::follow(&context, store.clone(), &shutdown);
    let scaling = own_scaling::follow(&context, store.clone(), &shutdown);
    let reconciles = Controller::for_stream(stacks, store)
        .with_config(Config::default().concurrency(CONCURRENCY).debounce(DEBOUNCE))
        .reconcile_on(touched)
        .graceful_shutdown_on(shutdown.soft().clone().cancelled_owned())
        .run(reconcile, error_policy, Arc::clone(&context))
        .for_each(async |result| log_unexpected(&result));
    futures::future::join3(reconciles, depths, scaling).await;
}

async fn filled(children: &Children, shutdown: &Shutdown) -> bool {
    tokio::select! {
        filled = children.filled() => filled,
        () = shutdown.soft().cancelled() => false,
    }
}

fn forget_deleted(event: &watcher::Event<StoredStack>, context: &Context) {
    if let watcher::Event::Delete(stack) = event {
        context.forget(&stack.uid().unwrap_or_default());
    }
}

/// Our own writes of the status must not start a reconcile. The uid is in it: a stack that is deleted and applied
/// again begins with the same generation.
#[expect(
    clippy::unnecessary_wraps,
    reason = "the signature of a predicate: None would let the object through"
)]
fn what_a_person_changes(stack: &StoredStack) -> Option<u64> {
    let meta = kube::Resource::meta(stack);
    let mut hasher = DefaultHasher::new();
    (&meta.uid, meta.generation, meta.deletion_timestamp.is_some()).hash(&mut hasher);
    let annotations = [
        ROTATE_ANNOTATION,
        ROTATE_SIGNING_KEY_ANNOTATION,
        ROTATE_PEPPER_ANNOTATION,
        ROTATE_MAIL_KEYS_ANNOTATION,
        SIGN_IN_ANNOTATION,
    ];
    for annotation in annotations {
        stack.annotations().get(annotation).hash(&mut hasher);
    }
    Some(hasher.finish())
}

type Outcome =
    Result<(ObjectRef<StoredStack>, controller::Action), controller::Error<super::Error, watcher::Error>>;

/// Failed reconciles are logged where their delay is chosen; a child of a stack that is gone is no error.
fn log_unexpected(result: &Outcome) {
    match result {
        Ok(_) | Err(controller::Error::ReconcilerFailed(..) | controller::Error::ObjectNotFound(_)) => {}
        Err(error) => tracing::warn!(error = %chain(error), "watch of stacks failed, starting it again"),
    }
}
