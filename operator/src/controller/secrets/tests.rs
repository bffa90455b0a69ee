use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::{api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use kube::ResourceExt;

use super::{StackSecrets, plan};
use crate::{
    controller::{entropy::Entropy, validate::ValidatedStack},
    fixtures::{self, EXTERNAL, MINIMAL},
    names::{ROTATION_ANNOTATION, Slot},
    secret_values::{salt, text},
};

/// As if all that is missing had been created.
pub(super) fn after_creation(mut stack: ValidatedStack) -> ValidatedStack {
    let created = plan(&stack, &fixtures::entropy()).missing;
    stack.own_secrets.extend(created.into_iter().map(|secret| (secret.name_any(), Arc::new(secret))));
    stack
}

fn names(secrets: &StackSecrets) -> Vec<String> {
    secrets.missing.iter().map(ResourceExt::name_any).collect()
}

/// A Secret of broker users that was made for `rotation` at second `made`.
fn users(stack: &ValidatedStack, slot: Slot, rotation: &str, made: i64) -> (String, Arc<Secret>) {
    let mut secret = (*plan(stack, &fixtures::entropy()).broker_users.secret).clone();
    let name = stack.id.broker_users_secret(slot);
    secret.metadata.name = Some(name.clone());
    secret.metadata.annotations =
        Some(BTreeMap::from([(ROTATION_ANNOTATION.to_owned(), rotation.to_owned())]));
    secret.metadata.creation_timestamp = Some(Time(Timestamp::from_second(made).unwrap()));
    (name, Arc::new(secret))
}

#[test]
fn a_new_stack_gets_all_of_its_secrets_owned_and_labelled() {
    let secrets = plan(&fixtures::validated(MINIMAL), &fixtures::entropy());
    let all = ["demo-redis", "demo-rabbitmq", "demo-user-ids", "demo-user-service", "demo-broker-users-a"];
    assert_eq!(names(&secrets), all);
    for secret in &secrets.missing {
        let owner = secret.owner_references().first().map(|owner| owner.uid.as_str());
        let is_kept = secret.name_any() == "demo-user-ids";
        assert_eq!(owner, (!is_kept).then_some("0b5ec0de"), "{}", secret.name_any());
        assert_eq!(secret.labels()["app.kubernetes.io/managed-by"], "ping-operator");
    }
}

#[test]
fn secrets_that_exist_are_never_made_again() {
    let stack = after_creation(fixtures::validated(MINIMAL));
    let secrets = plan(&stack, &Entropy::fixed([9; 32]));
    assert_eq!(names(&secrets), Vec::<String>::new());
    assert_eq!(secrets.changes, []);
    let first = plan(&fixtures::validated(MINIMAL), &fixtures::entropy());
    assert_eq!(text(&secrets.user_service, "otp-pepper"), text(&first.user_service, "otp-pepper"));
}

#[test]
fn a_secret_that_lost_all_values_gets_all_of_them_again() {
    let mut stack = after_creation(fixtures::validated(MINIMAL));
    let mut emptied = (*stack.own_secrets["demo-redis"]).clone();
    let lost = emptied.data.take().unwrap();
    stack.own_secrets.insert("demo-redis".to_owned(), Arc::new(emptied));
    let secrets = plan(&stack, &fixtures::entropy());
    assert_eq!(names(&secrets), Vec::<String>::new(), "it is not deleted and created");
    let changed = secrets.changes.iter().map(|change| change.secret.name_any()).collect::<Vec<_>>();
    assert_eq!(changed, ["demo-redis"]);
    assert!(secrets.changes[0].data.keys().eq(lost.keys()));
}

/// Every value of every Secret, one after the other.
#[test]
fn no_value_is_replaced_because_another_is_missing() {
    let complete = after_creation(fixtures::validated(MINIMAL));
    for (name, secret) in &complete.own_secrets {
        for lost in secret.data.as_ref().unwrap().keys() {
            let mut incomplete = (**secret).clone();
            incomplete.data.as_mut().unwrap().remove(lost);
            let mut stack = complete.clone();
            stack.own_secrets.insert(name.clone(), Arc::new(incomplete));
            let secrets = plan(&stack, &Entropy::fixed([9; 32]));
            assert_eq!(names(&secrets), Vec::<String>::new(), "{name}/{lost}");
            let written = secrets.changes.iter().map(|change| (change.secret.name_any(), change.data.keys()));
            let written = written.map(|(name, keys)| (name, keys.cloned().collect())).collect::<Vec<_>>();
            assert_eq!(written, [(name.clone(), vec![lost.clone()])]);
        }
    }
}

#[test]
fn external_servers_need_no_passwords_of_ours_but_broker_users() {
    let secrets = plan(&fixtures::validated(EXTERNAL), &fixtures::entropy());
    assert_eq!(names(&secrets), ["external-user-ids", "external-user-service", "external-broker-users-a"]);
    assert!(secrets.redis.is_none() && secrets.broker.is_none());
}

#[test]
fn passwords_differ_and_a_salt_is_four_octets() {
    let secrets = plan(&fixtures::validated(MINIMAL), &fixtures::entropy());
    let users = &secrets.broker_users.secret;
    let one = text(users, "user-service-password");
    let two = text(users, "mail-service-password");
    assert_eq!((one.len(), two.len()), (64, 64));
    assert_ne!(one, two);
    assert_eq!(text(users, "monitor-salt").len(), 8);
    assert_ne!(salt(users, "monitor-salt"), [0; 4]);
}

#[test]
fn the_signing_key_is_an_ed25519_key_in_pkcs8() {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let secrets = plan(&fixtures::validated(MINIMAL), &fixtures::entropy());
    let pem = text(&secrets.user_service, "signing-key.pem");
    let body = pem.lines().filter(|line| !line.starts_with('-')).collect::<String>();
    let der = STANDARD.decode(body).unwrap();
    assert_eq!(der.len(), 48);
    // SEQUENCE of 46, version 0, OID 1.3.101.112, OCTET STRING of 32.
    assert_eq!(der[..4], [0x30, 0x2e, 0x02, 0x01]);
    assert_eq!(der[9..12], [0x2b, 0x65, 0x70]);
}

#[test]
fn another_value_of_the_annotation_rotates_to_the_other_slot() {
    let mut stack = fixtures::validated(MINIMAL);
    stack.own_secrets.extend([users(&stack, Slot::A, "", 1)]);
    assert_eq!(plan(&stack, &fixtures::entropy()).broker_users.slot, Slot::A);
    stack.rotations.broker_passwords = "1".to_owned();
    let rotated = plan(&stack, &fixtures::entropy());
    assert_eq!(rotated.broker_users.slot, Slot::B);
    assert_eq!(rotated.broker_users.secret.annotations()[ROTATION_ANNOTATION], "1");
    assert_eq!(rotated.retiring.unwrap().slot, Slot::A);
    assert!(rotated.missing.iter().any(|secret| secret.name_any() == "demo-broker-users-b"));
}

#[test]
fn a_rotation_in_the_middle_of_another_waits_for_it() {
    let mut stack = fixtures::validated(MINIMAL);
    stack.own_secrets.extend([users(&stack, Slot::A, "", 1), users(&stack, Slot::B, "1", 2)]);
    stack.rotations.broker_passwords = "2".to_owned();
    let secrets = plan(&stack, &fixtures::entropy());
    assert_eq!((secrets.broker_users.slot, secrets.retiring.unwrap().slot), (Slot::B, Slot::A));
    stack.own_secrets.remove("demo-broker-users-a");
    let secrets = plan(&stack, &fixtures::entropy());
    assert_eq!((secrets.broker_users.slot, secrets.retiring.unwrap().slot), (Slot::A, Slot::B));
}
