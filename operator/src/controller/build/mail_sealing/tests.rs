use std::sync::Arc;

use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt as _;
use sealed_mail::PrivateKey;
use serde_json::Value;

use super::super::{Plan, build};
use crate::{
    controller::validate::ValidatedStack,
    fixtures::{self, MINIMAL},
    secret_values::text,
};

const SECRET: &str = "demo-mail-keys";

fn plan(stack: &ValidatedStack) -> Plan {
    build(stack, &fixtures::platform(), &fixtures::entropy()).unwrap()
}

/// A stack that wants its mails sealed, with its Secrets.
fn stack() -> ValidatedStack {
    let mut stack = fixtures::validated(MINIMAL);
    stack.spec.mail.sealing.enabled = true;
    let created = plan(&stack).resources.missing_secrets;
    stack.own_secrets.extend(created.into_iter().map(|secret| (secret.name_any(), Arc::new(secret))));
    stack
}

/// The public half of the key in the stack's Secret.
fn public_key(stack: &ValidatedStack) -> sealed_mail::PublicKey {
    PrivateKey::from_base64(&text(&stack.own_secrets[SECRET], "mail-key")).unwrap().public_key()
}

/// The same, at a later step.
fn annotated(stack: &ValidatedStack, annotation: &str, value: &str) -> ValidatedStack {
    let mut stack = stack.clone();
    let mut secret = (*stack.own_secrets[SECRET]).clone();
    secret.annotations_mut().insert(annotation.to_owned(), value.to_owned());
    stack.own_secrets.insert(SECRET.to_owned(), Arc::new(secret));
    stack
}

fn sealing(stack: &ValidatedStack) -> ValidatedStack {
    annotated(stack, "pingstack.dev/mail-seal-key", public_key(stack).id().as_str())
}

fn pods(plan: &Plan, part: &str) -> Value {
    let named = |one: &&Deployment| one.name_any() == format!("demo-{part}");
    let deployment = plan.resources.deployments.iter().find(named).unwrap();
    serde_json::to_value(&deployment.spec.as_ref().unwrap().template).unwrap()
}

/// Whether the pods of both services have the variables of sealing.
fn variables(plan: &Plan) -> (bool, bool) {
    let has = |part: &str, name: &str| {
        let pods = pods(plan, part);
        let env = pods["spec"]["containers"][0]["env"].as_array().unwrap().clone();
        env.into_iter().any(|variable| variable["name"] == name)
    };
    (has("mail-service", "MAIL_OPEN_KEYS_DIR"), has("user-service", "MAIL_SEAL_KEY_FILE"))
}

/// What is in the file of user-service; `None` without a ConfigMap.
fn seal_key(plan: &Plan) -> Option<String> {
    let named = |one: &&k8s_openapi::api::core::v1::ConfigMap| one.name_any() == "demo-mail-seal-key";
    plan.resources.config_maps.iter().find(named)?.data.as_ref()?.get("mail-seal-key").cloned()
}

#[test]
fn pods_of_a_stack_without_sealing_are_as_before() {
    let before = plan(&fixtures::validated(MINIMAL));
    assert_eq!((variables(&before), seal_key(&before)), ((false, false), None));
}

#[test]
fn each_service_has_its_half_and_its_variable_in_its_turn() {
    let stack = stack();
    let readers = plan(&stack);
    assert_eq!((variables(&readers), seal_key(&readers)), ((true, false), Some(String::new())));
    let both = plan(&sealing(&stack));
    assert_eq!((variables(&both), seal_key(&both)), ((true, true), Some(public_key(&stack).to_base64())));
    let ending = plan(&annotated(&sealing(&stack), "pingstack.dev/mail-sealing-ending", "true"));
    assert_eq!((variables(&ending), seal_key(&ending)), ((true, false), seal_key(&both)), "old pods go on");
    let withdrawn = plan(&annotated(&sealing(&stack), "pingstack.dev/mail-keys-withdrawn", "true"));
    assert_eq!((variables(&withdrawn), seal_key(&withdrawn)), ((false, false), Some(String::new())));
}

#[test]
fn the_private_key_is_mounted_into_mail_service_alone() {
    let plan = plan(&sealing(&stack()));
    let resources = &plan.resources;
    let workloads = [
        serde_json::to_string(&resources.deployments),
        serde_json::to_string(&resources.stateful_sets),
        serde_json::to_string(&resources.jobs),
    ];
    let mounted = workloads.map(|all| all.unwrap().matches(SECRET).count());
    assert_eq!(mounted, [1, 0, 0]);
    assert!(pods(&plan, "mail-service").to_string().contains(SECRET));
}

#[test]
fn a_new_key_rolls_mail_service_and_then_user_service_and_an_old_one_that_goes_rolls_nobody() {
    let hash = |plan: &Plan, part: &str| pods(plan, part)["metadata"]["annotations"].clone();
    let both = |plan: &Plan| (hash(plan, "mail-service"), hash(plan, "user-service"));
    let stack = sealing(&stack());
    let (readers, writers) = both(&plan(&stack));
    let key = PrivateKey::from_random([42; 32]).unwrap();
    let edit = |stack: &ValidatedStack, keys: &[(&str, &PrivateKey)]| {
        let mut stack = stack.clone();
        let mut secret = (*stack.own_secrets[SECRET]).clone();
        let value = |key: &PrivateKey| k8s_openapi::ByteString(key.to_base64().as_bytes().to_vec());
        let data = keys.iter().map(|(name, key)| ((*name).to_owned(), value(key)));
        secret.data = Some(data.collect());
        stack.own_secrets.insert(SECRET.to_owned(), Arc::new(secret));
        stack
    };
    let old = PrivateKey::from_base64(&text(&stack.own_secrets[SECRET], "mail-key")).unwrap();
    let added = edit(&stack, &[("mail-key", &old), ("mail-key-next", &key)]);
    let (new_readers, same_writers) = both(&plan(&added));
    assert!(new_readers != readers && same_writers == writers);
    let used = annotated(&added, "pingstack.dev/mail-seal-key", key.public_key().id().as_str());
    let (same_readers, new_writers) = both(&plan(&used));
    assert!(same_readers == new_readers && new_writers != writers);
    let replaced = edit(&used, &[("mail-key", &key)]);
    assert_eq!(both(&plan(&replaced)), (new_readers, new_writers));
}
