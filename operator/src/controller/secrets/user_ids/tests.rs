use std::sync::Arc;

use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use pingstack_crd::{RetentionPolicy, references::SecretKeyRef};

use super::{
    super::{StackSecrets, plan, tests::after_creation},
    USER_ID_KEY,
};
use crate::{
    controller::{
        entropy::Entropy,
        validate::{ValidatedStack, validate},
    },
    fixtures::{self, MINIMAL},
    secret_values::text,
};

const IDS: &str = "demo-user-ids";
const OLD_PLACE: &str = "demo-user-service";

/// By an operator that would draw other values.
fn plan_later(stack: &ValidatedStack) -> StackSecrets {
    plan(stack, &Entropy::fixed([9; 32]))
}

fn value(secrets: &StackSecrets) -> String {
    String::from_utf8(secrets.user_ids.value.0.clone()).unwrap()
}

fn edit(stack: &mut ValidatedStack, name: &str, edit: impl FnOnce(&mut Secret)) {
    let mut secret = (*stack.own_secrets[name]).clone();
    edit(&mut secret);
    stack.own_secrets.insert(name.to_owned(), Arc::new(secret));
}

/// A stack whose users have ids, and what these follow from.
fn stack_in_use() -> (ValidatedStack, String) {
    let stack = after_creation(fixtures::validated(MINIMAL));
    let ids = text(&stack.own_secrets[IDS], USER_ID_KEY);
    assert_eq!(ids.len(), 64);
    (stack, ids)
}

#[test]
fn an_upgrade_copies_the_value_of_an_earlier_release_first() {
    let (mut stack, ids) = stack_in_use();
    stack.own_secrets.remove(IDS);
    let secrets = plan_later(&stack);
    assert_eq!(secrets.missing.iter().map(ResourceExt::name_any).collect::<Vec<_>>(), [IDS]);
    assert_eq!(text(&secrets.missing[0], USER_ID_KEY), ids);
    assert_eq!((value(&secrets), secrets.changes), (ids, vec![]));
}

#[test]
fn user_ids_survive_the_loss_of_either_secret_and_of_either_value() {
    let (complete, ids) = stack_in_use();
    for name in [IDS, OLD_PLACE] {
        let mut stack = complete.clone();
        stack.own_secrets.remove(name);
        let secrets = plan_later(&stack);
        assert_eq!(value(&secrets), ids, "{name} was deleted");
        assert_eq!(text(&secrets.missing[0], USER_ID_KEY), ids, "{name} was deleted");
        let mut stack = complete.clone();
        edit(&mut stack, name, |secret| drop(secret.data.as_mut().unwrap().remove(USER_ID_KEY)));
        let secrets = plan_later(&stack);
        assert_eq!(value(&secrets), ids, "{name} lost the value");
        assert_eq!(text(&secrets.changes[0].applied(), USER_ID_KEY), ids, "{name} lost the value");
    }
}

/// An operator of an earlier release reads all values from this Secret, and redraws all if one is missing.
#[test]
fn a_roll_back_finds_the_same_value_in_the_secret_of_earlier_releases() {
    let (stack, ids) = stack_in_use();
    assert_eq!(text(&stack.own_secrets[OLD_PLACE], USER_ID_KEY), ids);
    for key in ["signing-key.pem", "otp-pepper"] {
        assert!(!text(&stack.own_secrets[OLD_PLACE], key).is_empty(), "{key}");
    }
}

#[test]
fn the_retention_policy_decides_whether_the_stack_owns_the_secret() {
    let (mut stack, ids) = stack_in_use();
    assert_eq!(plan_later(&stack).changes, [], "the stack retains");
    stack.spec.retention_policy = RetentionPolicy::Delete;
    let secrets = plan_later(&stack);
    assert_eq!(secrets.changes.len(), 1);
    let owned = secrets.changes[0].applied();
    assert_eq!((owned.name_any().as_str(), owned.owner_references().len()), (IDS, 1));
    assert_eq!(text(&owned, USER_ID_KEY), ids);
    stack.own_secrets.insert(IDS.to_owned(), Arc::new(owned));
    assert_eq!(plan_later(&stack).changes, []);
    stack.spec.retention_policy = RetentionPolicy::Retain;
    let kept = plan_later(&stack).changes[0].applied();
    assert_eq!((kept.owner_references().len(), text(&kept, USER_ID_KEY)), (0, ids));
}

#[test]
fn a_secret_that_the_spec_brings_is_read_where_it_is_and_copied_for_earlier_releases() {
    let mut stack = fixtures::stack(MINIMAL);
    stack.spec.users.id_secret_ref = Some(SecretKeyRef { name: "ids".to_owned(), key: "secret".to_owned() });
    let mut references = fixtures::references();
    assert!(validate(&stack, references.clone()).is_err(), "it does not exist");
    references.secrets.insert("ids".to_owned(), Some(fixtures::secret("ids", &[("secret", "brought")])));
    let (before, own) = stack_in_use();
    references.own_secrets = before.own_secrets;
    let mut stack = validate(&stack, references).unwrap();
    let secrets = plan_later(&stack);
    assert_eq!((secrets.user_ids.reference.name.as_str(), value(&secrets).as_str()), ("ids", "brought"));
    assert_eq!(text(&secrets.user_service, USER_ID_KEY), "brought");
    assert!(secrets.user_ids.secret.is_some(), "the stack's own Secret stays");
    // And back again.
    stack.spec.users.id_secret_ref = None;
    stack.user_id_secret = None;
    assert_eq!(value(&plan_later(&stack)), own);
}
