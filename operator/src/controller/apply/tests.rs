//! Against an API server in memory: what is written, what is left alone, in which order.

use http::Method;
use pingstack_crd::PingStack;
use serde_json::{Value, json};
use test_kit::fake_api::{FakeApi, Sent};

use super::{Error, Outcome, apply};
use crate::{
    controller::{
        Context,
        build::build,
        dereference::{self, References},
        entropy::Entropy,
        validate::validate,
    },
    fixtures::{self, MINIMAL},
    names::StackId,
};

mod blocked_rollout;
mod drift;
mod foreign;
mod handover;
mod made_once;
mod mail_copies;
mod orphans;
mod paused;
mod pull_secret;
mod reclaim;

const SECRETS: &str = "/api/v1/namespaces/team/secrets";
const CONFIG_MAPS: &str = "/api/v1/namespaces/team/configmaps";
const PODS: &str = "/api/v1/namespaces/team/pods";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/team/deployments";

fn stack() -> PingStack {
    let mut stack = fixtures::stack(MINIMAL);
    stack.spec.smtp.test_recipient = Some("ada@example.org".to_owned());
    stack
}

/// The first four steps.
async fn pass(context: &Context) -> Result<Outcome, Error> {
    Box::pin(pass_of(context, &stack())).await
}

/// The first four steps for this stack.
pub(super) async fn pass_of(context: &Context, stack: &PingStack) -> Result<Outcome, Error> {
    let id = StackId::of(&stack.metadata).unwrap();
    let own = dereference::dereference(context, stack, &id).await.unwrap();
    let References { own_secrets, pull_secret, branding, .. } = own;
    let references = References { own_secrets, pull_secret, branding, ..fixtures::references() };
    let validated = validate(stack, references).unwrap();
    let plan = build(&validated, &context.platform, &Entropy::random()).unwrap();
    Box::pin(apply(context, &id, plan)).await
}

/// The same by an operator that has just started, with caches that hold what is there.
async fn pass_anew(api: &FakeApi) -> Result<Outcome, Error> {
    Box::pin(pass(&fixtures::context(api))).await
}

fn writes(api: &FakeApi, part: &str) -> Vec<Sent> {
    api.take_requests(part).into_iter().filter(|sent| sent.method != Method::GET).collect()
}

/// An object with our label and this owner.
fn child(kind: &str, name: &str, owner: Option<&str>) -> Value {
    let owners = owner.map(|uid| {
        json!([{ "apiVersion": "pingstack.dev/v1beta1", "kind": "PingStack", "name": "demo", "uid": uid }])
    });
    json!({ "apiVersion": "v1", "kind": kind, "metadata": {
        "name": name, "namespace": "team", "ownerReferences": owners,
        "labels": { "app.kubernetes.io/managed-by": "ping-operator" },
    } })
}
