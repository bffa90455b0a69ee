//! Every CEL rule, once kept and once broken, without a cluster.

use serde_json::{Value, json};

use super::PingStack;

fn stack(name: &str, spec: Value) -> PingStack {
    let mut all = json!({ "smtp": { "host": "mail", "from": "a@example.org" } });
    merge(&mut all, spec);
    serde_json::from_value(json!({
        "apiVersion": "pingstack.dev/v1alpha1", "kind": "PingStack", "metadata": { "name": name }, "spec": all,
    }))
    .unwrap()
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            from.into_iter().for_each(|(key, value)| merge(into.entry(key).or_insert(Value::Null), value));
        }
        (into, from) => *into = from,
    }
}

/// What the API server says to a new stack.
fn created(spec: Value) -> Result<(), String> {
    stack("demo", spec).validate_cel().map_err(|errors| errors.to_string())
}

/// What it says to a change.
fn changed(from: Value, to: Value) -> Result<(), String> {
    stack("demo", to).validate_cel_update(&stack("demo", from)).map_err(|errors| errors.to_string())
}

#[track_caller]
fn assert_refused(answer: Result<(), String>, message: &str) {
    let said = answer.expect_err("the rule let it through");
    assert!(said.contains(message), "{said}");
}

#[test]
fn a_minimal_stack_is_accepted_and_may_stay_as_it_is() {
    assert_eq!(created(json!({})), Ok(()));
    assert_eq!(changed(json!({}), json!({})), Ok(()));
}

#[test]
fn a_name_leaves_room_for_those_made_from_it() {
    let named = |name: &str| stack(name, json!({})).validate_cel().map_err(|errors| errors.to_string());
    assert_eq!(named(&"a".repeat(36)), Ok(()));
    assert_refused(named(&"a".repeat(37)), "at most 36 characters");
}

#[test]
fn a_name_can_be_a_services() {
    let named = |name: &str| stack(name, json!({})).validate_cel().map_err(|errors| errors.to_string());
    assert_eq!(named("shop-2"), Ok(()));
    assert_refused(named("2shop"), "beginning with a letter");
    assert_refused(named("shop.eu"), "without dots");
}

#[test]
fn an_ingress_needs_trusted_proxies() {
    let ingress = json!({ "userService": { "ingress": { "host": "login.example.org" } } });
    assert_refused(created(ingress.clone()), "login.trustedProxies");
    let mut trusting = ingress;
    merge(&mut trusting, json!({ "login": { "trustedProxies": ["10.0.0.0/8"] } }));
    assert_eq!(created(trusting), Ok(()));
}

#[test]
fn a_person_can_ask_again_while_the_code_lives() {
    assert_eq!(created(json!({ "login": { "codeTtlSeconds": 60, "resendAfterSeconds": 60 } })), Ok(()));
    assert_refused(
        created(json!({ "login": { "codeTtlSeconds": 60, "resendAfterSeconds": 61 } })),
        "resendAfterSeconds",
    );
}

#[test]
fn an_authority_is_for_connections_with_tls() {
    let with =
        |tls: &str| json!({ "smtp": { "tls": tls, "caSecretRef": { "name": "ca", "key": "ca.pem" } } });
    assert_eq!(created(with("StartTls")), Ok(()));
    assert_refused(created(with("None")), "remove caSecretRef");
}

#[test]
fn a_test_mail_goes_to_an_address() {
    let to = |recipient: &str| created(json!({ "smtp": { "testRecipient": recipient } }));
    for good in ["ada@example.org", "ada+ping@mail.example.org", "root@localhost"] {
        assert_eq!(to(good), Ok(()), "{good}");
    }
    for bad in [
        "ada",
        "ada@",
        "@example.org",
        "Ada <ada@example.org>",
        "a@b@c",
        "a b@c",
        "ada@example.org\r\nBcc: x",
    ] {
        assert_refused(to(bad), "testRecipient is not an address");
    }
}

#[test]
fn tokens_have_one_algorithm() {
    let (eddsa, hs256) = (json!({ "name": "a", "key": "k" }), json!({ "name": "b", "key": "k" }));
    assert_eq!(created(json!({ "tokens": { "signingKeySecretRef": eddsa } })), Ok(()));
    assert_eq!(created(json!({ "tokens": { "jwtSecretRef": hs256 } })), Ok(()));
    let both = json!({ "tokens": { "signingKeySecretRef": eddsa, "jwtSecretRef": hs256 } });
    assert_refused(created(both), "one algorithm only");
}

#[test]
fn a_mail_password_never_travels_in_the_clear() {
    assert_eq!(created(json!({ "smtp": { "credentialsSecretRef": { "name": "smtp" } } })), Ok(()));
    assert_eq!(created(json!({ "smtp": { "tls": "None" } })), Ok(()));
    let clear = json!({ "smtp": { "tls": "None", "credentialsSecretRef": { "name": "smtp" } } });
    assert_refused(created(clear), "in the clear");
}

fn external_redis() -> Value {
    json!({ "urlSecretRef": { "name": "redis", "key": "url" } })
}

fn external_broker() -> Value {
    json!({
        "host": "broker", "vhost": "v", "managementUrl": "http://broker:15672", "adminSecretRef": { "name": "admin" },
    })
}

#[test]
fn redis_is_either_managed_or_external() {
    assert_eq!(created(json!({ "redis": { "external": external_redis() } })), Ok(()));
    assert_refused(created(json!({ "redis": {} })), "exactly one of redis.managed and redis.external");
    let both = json!({ "redis": { "managed": {}, "external": external_redis() } });
    assert_refused(created(both), "exactly one of redis.managed and redis.external");
}

#[test]
fn redis_stays_managed_or_external() {
    let external = json!({ "redis": { "external": external_redis() } });
    assert_eq!(changed(external.clone(), external.clone()), Ok(()));
    assert_refused(changed(json!({}), external), "make a new stack");
}

#[test]
fn the_broker_is_either_managed_or_external() {
    assert_eq!(created(json!({ "rabbitmq": { "external": external_broker() } })), Ok(()));
    assert_refused(
        created(json!({ "rabbitmq": {} })),
        "exactly one of rabbitmq.managed and rabbitmq.external",
    );
    let both = json!({ "rabbitmq": { "managed": {}, "external": external_broker() } });
    assert_refused(created(both), "exactly one of rabbitmq.managed and rabbitmq.external");
}

#[test]
fn the_broker_stays_managed_or_external() {
    let external = json!({ "rabbitmq": { "external": external_broker() } });
    assert_eq!(changed(external.clone(), external.clone()), Ok(()));
    assert_refused(changed(json!({}), external), "make a new stack");
}

fn brokers(replicas: i32) -> Value {
    json!({ "rabbitmq": { "managed": { "replicas": replicas } } })
}

#[test]
fn brokers_have_a_majority() {
    for replicas in [1, 3, 5] {
        assert_eq!(created(brokers(replicas)), Ok(()));
    }
    for replicas in [2, 4] {
        assert_refused(created(brokers(replicas)), "1, 3 or 5");
    }
}

#[test]
fn brokers_are_never_taken_away() {
    assert_eq!(changed(brokers(1), brokers(3)), Ok(()));
    assert_refused(changed(brokers(3), brokers(1)), "loses queue members");
}

#[test]
fn a_volume_keeps_its_size_and_class() {
    let redis = |storage: Value| json!({ "redis": { "managed": { "storage": storage } } });
    let small = redis(json!({ "size": "1Gi" }));
    assert_eq!(changed(small.clone(), small.clone()), Ok(()));
    assert_refused(changed(small.clone(), redis(json!({ "size": "2Gi" }))), "cannot be changed here");
    let fast = redis(json!({ "size": "1Gi", "storageClassName": "fast" }));
    assert_refused(changed(small, fast.clone()), "class cannot be changed");
    let slow = redis(json!({ "size": "1Gi", "storageClassName": "slow" }));
    assert_refused(changed(fast, slow), "class cannot be changed");
}

fn autoscaling(spec: &Value) -> Value {
    json!({ "mailService": { "autoscaling": spec } })
}

#[test]
fn the_fewest_pods_are_no_more_than_the_most() {
    assert_eq!(created(autoscaling(&json!({ "minReplicas": 3, "maxReplicas": 3 }))), Ok(()));
    assert_refused(
        created(autoscaling(&json!({ "minReplicas": 4, "maxReplicas": 3 }))),
        "minReplicas is above maxReplicas",
    );
}

#[test]
fn an_external_provider_names_its_metric() {
    assert_eq!(
        created(autoscaling(&json!({ "provider": "External", "externalMetricName": "depth" }))),
        Ok(())
    );
    assert_refused(created(autoscaling(&json!({ "provider": "External" }))), "externalMetricName");
    assert_refused(created(autoscaling(&json!({ "externalMetricName": "depth" }))), "externalMetricName");
}
