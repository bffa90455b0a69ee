use super::{Desired, MAIL_QUEUE, RetryTier};

#[test]
fn the_desired_topology_is_the_one_in_the_snapshot() {
    let desired = Desired::new("/");
    insta::assert_yaml_snapshot!(desired);
}

/// Each message of user-service has the life of its code; events of other publishers do not expire with codes.
#[test]
fn the_mail_queue_gives_messages_no_life() {
    let desired = Desired::new("/");
    let policy = desired.policies.iter().find(|policy| policy.name == "ping.send-otp").unwrap();
    assert_eq!(policy.definition.get("message-ttl"), None);
}

#[test]
fn only_retry_tiers_have_dead_letters_and_those_go_back_to_the_mail_queue() {
    for policy in Desired::new("/").policies {
        let target = policy.definition.get("dead-letter-routing-key").and_then(|key| key.as_str());
        let is_tier = RetryTier::ALL.iter().any(|tier| policy.name == format!("ping.{}", tier.queue_name()));
        assert_eq!(target, is_tier.then_some(MAIL_QUEUE), "{}", policy.name);
    }
}
