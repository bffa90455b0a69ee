use std::time::Duration;

use super::{Desired, MAIL_QUEUE, RetryTier};
use crate::keys::CODE_TTL_SECONDS;

#[test]
fn the_desired_topology_is_the_one_in_the_snapshot() {
    let desired = Desired::new("/", Duration::from_secs(CODE_TTL_SECONDS));
    insta::assert_yaml_snapshot!(desired);
}

#[test]
fn an_event_lives_as_long_as_its_code() {
    let desired = Desired::new("/", Duration::from_secs(90));
    let policy = desired.policies.iter().find(|policy| policy.name == "ping.send-otp").unwrap();
    assert_eq!(policy.definition["message-ttl"], 90_000);
}

#[test]
fn only_retry_tiers_have_dead_letters_and_those_go_back_to_the_mail_queue() {
    for policy in Desired::new("/", Duration::from_mins(5)).policies {
        let target = policy.definition.get("dead-letter-routing-key").and_then(|key| key.as_str());
        let is_tier = RetryTier::ALL.iter().any(|tier| policy.name == format!("ping.{}", tier.queue_name()));
        assert_eq!(target, is_tier.then_some(MAIL_QUEUE), "{}", policy.name);
    }
}
