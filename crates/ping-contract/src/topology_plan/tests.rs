use serde_json::json;

use super::{Actual, Conflict, Operation, QueueState, UserState, VhostState, Warning, plan};
use crate::{
    broker_version,
    topology::{Desired, MAIL_EXCHANGE, MAIL_QUEUE},
    users::{PasswordHash, Role, User},
};

const OWNER: &str = "cluster-uid/shop/ping";

fn desired() -> Desired {
    let user =
        |name: &str, role| User { name: name.into(), role, password: format!("{name}!"), salt: [1; 4] };
    Desired::new("ping")
        .owned_by(OWNER)
        .with_user(user("u", Role::UserService))
        .with_user(user("m", Role::Monitor))
}

/// The broker after `desired` was applied. The users' hashes have salts of their own.
fn applied(desired: &Desired) -> Actual {
    let queue = |queue: &crate::topology::Queue| QueueState {
        queue: queue.clone(),
        transient: false,
        policy: Some(format!("ping.{}", queue.name)),
    };
    let user = |user: &User| {
        let password_hash = Some(PasswordHash::new(&user.password, [9, 8, 7, 6]));
        (user.name.clone(), UserState { password_hash, tags: user.role.tags() })
    };
    Actual {
        server_version: "4.0.5".into(),
        vhost: Some(VhostState {
            default_queue_type: Some("quorum".into()),
            tags: vec![OWNER.into()],
            ..VhostState::default()
        }),
        exchanges: desired.exchanges.clone(),
        queues: desired.queues.iter().map(queue).collect(),
        bindings: desired.bindings.clone(),
        policies: desired.policies.clone(),
        users: desired.users.iter().map(user).collect(),
        permissions: desired.permissions.clone(),
    }
}

/// The plan after one change to a broker that had all of it.
fn plan_after(change: impl FnOnce(&mut Actual)) -> super::Plan {
    let desired = desired();
    let mut actual = applied(&desired);
    change(&mut actual);
    plan(&desired, &actual)
}

#[test]
fn an_empty_broker_gets_everything_and_policies_before_queues() {
    let plan = plan(&desired(), &Actual { server_version: "4.3.1".into(), ..Actual::default() });
    assert_eq!((plan.conflicts, plan.warnings), (vec![], vec![]));
    let order = plan.operations.iter().map(|operation| match operation {
        Operation::CreateVhost(_) => 'v',
        Operation::CreateExchange(_) => 'e',
        Operation::CreatePolicy(_) => 'p',
        Operation::CreateQueue(_) => 'q',
        Operation::CreateBinding(_) => 'b',
        Operation::CreateUser(_) => 'u',
        Operation::SetPermissions(_) => 's',
        other => panic!("unexpected {other:?}"),
    });
    assert_eq!(order.collect::<String>(), "veepppppqqqqqbbbbbuuss");
}

#[test]
fn a_second_apply_changes_nothing() {
    assert_eq!(plan_after(|_| {}), super::Plan::default());
}

#[test]
fn what_others_have_on_the_vhost_is_left_alone() {
    let plan = plan_after(|actual| {
        let mut policy = actual.policies[0].clone();
        policy.name = "theirs".into();
        actual.policies.push(policy);
        let mut binding = actual.bindings[0].clone();
        binding.queue = "theirs".into();
        actual.bindings.push(binding);
        actual.users.insert("theirs".into(), UserState { password_hash: None, tags: vec![] });
    });
    assert_eq!(plan, super::Plan::default());
}

#[test]
fn a_changed_policy_is_corrected() {
    for change in [
        (|policy| policy.priority = 0) as fn(&mut crate::topology::Policy),
        |policy| policy.apply_to = "queues".into(),
        |policy| policy.pattern = ".*".into(),
        |policy| drop(policy.definition.insert("message-ttl".into(), json!(1))),
        |policy| drop(policy.definition.remove("overflow")),
        |policy| drop(policy.definition.insert("expires".into(), json!(1))),
    ] {
        let plan = plan_after(|actual| change(&mut actual.policies[0]));
        assert_eq!(plan.operations, [Operation::CorrectPolicy(desired().policies[0].clone())]);
    }
}

#[test]
fn what_was_deleted_comes_back() {
    let desired = desired();
    let exchange = plan_after(|actual| drop(actual.exchanges.remove(0)));
    assert_eq!(exchange.operations, [Operation::CreateExchange(desired.exchanges[0].clone())]);
    let binding = plan_after(|actual| drop(actual.bindings.remove(1)));
    assert_eq!(binding.operations, [Operation::CreateBinding(desired.bindings[1].clone())]);
    let policy = plan_after(|actual| drop(actual.policies.remove(2)));
    assert_eq!(policy.operations, [Operation::CreatePolicy(desired.policies[2].clone())]);
    let queue = plan_after(|actual| {
        actual.queues.remove(0);
        actual.bindings.remove(0);
    });
    let expected = [
        Operation::CreateQueue(desired.queues[0].clone()),
        Operation::CreateBinding(desired.bindings[0].clone()),
    ];
    assert_eq!(queue.operations, expected);
}

#[test]
fn a_queue_with_other_arguments_is_a_conflict_and_is_not_touched() {
    for change in [
        (|queue| drop(queue.arguments.insert("x-queue-type".into(), json!("classic"))))
            as fn(&mut crate::topology::Queue),
        |queue| drop(queue.arguments.insert("x-max-length".into(), json!(5))),
        |queue| queue.arguments.clear(),
        |queue| queue.durable = false,
    ] {
        let plan = plan_after(|actual| {
            change(&mut actual.queues[0].queue);
            actual.bindings.retain(|binding| binding.queue != MAIL_QUEUE);
        });
        assert_eq!(plan.operations, []);
        assert!(
            matches!(&plan.conflicts[..], [Conflict::Queue { name, .. }] if name == MAIL_QUEUE),
            "{plan:?}"
        );
    }
}

#[test]
fn an_exchange_of_another_type_is_a_conflict_and_the_rest_is_still_applied() {
    let plan = plan_after(|actual| {
        actual.exchanges[0].kind = "fanout".into();
        actual.bindings.clear();
    });
    let actual = "durable fanout".to_owned();
    assert_eq!(plan.conflicts, [Conflict::Exchange { name: MAIL_EXCHANGE.into(), actual }]);
    let bindings = desired().bindings.into_iter().filter(|binding| binding.exchange != MAIL_EXCHANGE);
    assert_eq!(plan.operations, bindings.map(Operation::CreateBinding).collect::<Vec<_>>());
}

#[test]
fn a_policy_that_outranks_ours_is_a_conflict() {
    let plan = plan_after(|actual| actual.queues[0].policy = Some("everything".into()));
    let conflict = Conflict::PolicyOutranked { queue: MAIL_QUEUE.into(), policy: "everything".into() };
    assert_eq!((plan.operations, plan.conflicts), (vec![], vec![conflict]));
}

#[test]
fn a_policy_that_applies_because_ours_is_gone_is_no_conflict() {
    let plan = plan_after(|actual| {
        actual.policies.remove(0);
        actual.queues[0].policy = Some("everything".into());
    });
    assert_eq!(plan.operations, [Operation::CreatePolicy(desired().policies[0].clone())]);
    assert_eq!(plan.conflicts, []);
}

#[test]
fn nothing_is_written_to_a_server_of_an_unsupported_version() {
    for version in ["3.13.7", "4.2.6", "4.3.0", "unknown"] {
        let plan = plan(&desired(), &Actual { server_version: version.into(), ..Actual::default() });
        let conflict = Conflict::UnsupportedVersion(broker_version::check(version).unwrap_err());
        assert_eq!((plan.operations, plan.conflicts), (vec![], vec![conflict]));
    }
}

#[test]
fn nothing_is_written_to_a_vhost_of_another_owner() {
    let owner = "other-cluster/shop/ping";
    let plan = plan_after(|actual| {
        actual.policies.clear();
        actual.vhost =
            Some(VhostState { default_queue_type: None, tags: vec![owner.into()], ..VhostState::default() });
    });
    let conflict = Conflict::VhostOwned { vhost: "ping".into(), owner: owner.into() };
    assert_eq!((plan.operations, plan.conflicts), (vec![], vec![conflict]));
}

#[test]
fn a_vhost_without_an_owner_is_claimed_and_keeps_its_tags() {
    let plan = plan_after(|actual| {
        actual.vhost = Some(VhostState {
            default_queue_type: Some("quorum".into()),
            tags: vec!["team-a".into()],
            ..VhostState::default()
        });
    });
    assert_eq!(plan.operations, [Operation::ClaimVhost(desired().vhost, vec!["team-a".into()])]);
}

#[test]
fn a_default_queue_type_is_told_and_never_changed() {
    for (reported, told) in [(None, "classic"), (Some("classic".to_owned()), "classic")] {
        let plan = plan_after(|actual| {
            actual.vhost = Some(VhostState {
                default_queue_type: reported,
                tags: vec![OWNER.into()],
                ..VhostState::default()
            });
        });
        assert_eq!((plan.operations, plan.conflicts), (vec![], vec![]));
        assert_eq!(plan.warnings, [Warning::DefaultQueueType(told.into())]);
    }
}

fn named() -> VhostState {
    let tags = vec![OWNER.into(), "team-a".into()];
    VhostState { default_queue_type: None, tags, description: "mail".into() }
}

/// A vhost with all of it, where `send-otp` was declared before with the type, and these queues of others without one.
fn for_original(default: Option<&str>, others: &[(bool, serde_json::Value)]) -> super::Plan {
    let desired = desired().for_original();
    let mut actual = applied(&desired);
    actual.vhost = Some(VhostState { default_queue_type: default.map(str::to_owned), ..named() });
    for (i, (transient, arguments)) in others.iter().enumerate() {
        let arguments = serde_json::from_value(arguments.clone()).unwrap();
        let queue = crate::topology::Queue { name: format!("other-{i}"), durable: true, arguments };
        actual.queues.push(QueueState { queue, transient: *transient, policy: None });
    }
    plan(&desired, &actual)
}

#[test]
fn for_the_original_the_default_queue_type_is_changed_and_the_rest_stays() {
    let typed = json!({ "x-queue-type": "classic" });
    for (default, others) in [
        (None, vec![]),
        (Some("classic"), vec![]),
        (None, vec![(false, typed.clone())]),
        (None, vec![(true, json!({}))]),
        (Some("classic"), vec![(false, json!({ "x-queue-type": "stream" }))]),
    ] {
        let plan = for_original(default, &others);
        let before = VhostState { default_queue_type: default.map(str::to_owned), ..named() };
        let set = Operation::SetDefaultQueueType(desired().vhost, before);
        assert_eq!((plan.operations, plan.conflicts, plan.warnings), (vec![set], vec![], vec![]));
    }
    assert_eq!(for_original(Some("quorum"), &[]), super::Plan::default());
}

#[test]
fn a_default_queue_type_that_others_rely_on_is_not_changed() {
    for (default, arguments) in [(None, json!({})), (Some("classic"), json!({ "x-queue-type": "classic" }))] {
        let plan = for_original(default, &[(false, arguments)]);
        let queues = "'other-0'".to_owned();
        assert_eq!(plan.conflicts, [Conflict::DefaultQueueTypeInUse { queues }]);
        assert_eq!((plan.operations, plan.warnings.len()), (vec![], 1));
    }
}

#[test]
fn while_the_originals_own_queue_is_there_its_type_stays_the_default() {
    let desired = desired().for_original();
    let mut actual = applied(&desired);
    actual.vhost =
        Some(VhostState { default_queue_type: None, tags: vec![OWNER.into()], ..VhostState::default() });
    actual.queues[0].queue.arguments.clear();
    let plan = plan(&desired, &actual);
    assert!(matches!(plan.conflicts[..], [Conflict::Queue { .. }]), "{plan:?}");
    assert!(!plan.operations.iter().any(|one| matches!(one, Operation::SetDefaultQueueType(..))), "{plan:?}");
}

#[test]
fn a_user_with_another_password_or_tags_is_corrected() {
    let user = desired().users[0].clone();
    for change in [
        (|state| state.password_hash = Some(PasswordHash::new("old", [0; 4]))) as fn(&mut UserState),
        |state| state.password_hash = None,
        |state| state.tags = vec!["administrator".into()],
    ] {
        let plan = plan_after(|actual| change(actual.users.get_mut("u").unwrap()));
        assert_eq!(plan.operations, [Operation::CorrectUser(user.clone())]);
    }
}

#[test]
fn wider_permissions_are_narrowed_again() {
    let plan = plan_after(|actual| actual.permissions[0].read = ".*".into());
    assert_eq!(plan.operations, [Operation::SetPermissions(desired().permissions[0].clone())]);
}
