//! Every CEL rule, once kept and once broken, without a cluster.

use serde_json::{Value, json};

use crate::PingStack;

mod mail;

fn stack(name: &str, spec: Value) -> PingStack {
    let mut all = json!({ "smtp": { "host": "mail", "from": "a@example.org" } });
    merge(&mut all, spec);
    serde_json::from_value(json!({
        "apiVersion": "pingstack.dev/v1beta1", "kind": "PingStack", "metadata": { "name": name }, "spec": all,
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
pub(super) fn created(spec: Value) -> Result<(), String> {
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
fn synthetic_sign_ins_come_every_minute_to_every_day() {
    let every = |every: &str| created(json!({ "monitoring": { "syntheticLogin": { "every": every } } }));
    for good in ["1m", "90s", "5m", "24h", "1440m"] {
        assert_eq!(every(good), Ok(()), "{good}");
    }
    for bad in ["59s", "0m", "25h", "5", "m5", "5 m", "1h30m", "-5m", "1d"] {
        assert_refused(every(bad), "such as 5m");
    }
    assert_eq!(created(json!({ "monitoring": { "syntheticLogin": {} } })), Ok(()));
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
fn long_lives_and_many_attempts_are_allowed_by_name() {
    assert_eq!(created(json!({ "login": { "codeTtlSeconds": 600, "maxAttempts": 10 } })), Ok(()));
    assert_refused(created(json!({ "login": { "codeTtlSeconds": 601 } })), "allowLongCodeTtl");
    assert_eq!(created(json!({ "login": { "codeTtlSeconds": 601, "allowLongCodeTtl": true } })), Ok(()));
    assert_refused(created(json!({ "login": { "maxAttempts": 11 } })), "allowManyAttempts");
    assert_eq!(created(json!({ "login": { "maxAttempts": 11, "allowManyAttempts": true } })), Ok(()));
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
    let eddsa = json!({ "name": "a", "key": "k" });
    let hs256 = json!({ "name": "b", "key": "k" });
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

#[test]
fn amounts_are_what_kubernetes_takes_and_do_not_contradict_each_other() {
    let with = |requests: Value, limits: Value| {
        created(json!({ "mailService": { "resources": { "requests": requests, "limits": limits } } }))
    };
    for (requests, limits) in [
        (json!({}), json!({ "cpu": "40m" })),
        (json!({ "cpu": "0.5", "memory": "262144k" }), json!({ "cpu": "500m", "memory": "0.5Gi" })),
        (json!({ "memory": "1e9" }), json!({ "memory": "1.5Gi" })),
        (json!({ "cpu": "2" }), json!({ "memory": "1Gi" })),
    ] {
        assert_eq!(with(requests.clone(), limits.clone()), Ok(()), "{requests} {limits}");
    }
    assert_refused(with(json!({ "cpu": "1" }), json!({ "cpu": "999m" })), "requests.cpu is above limits.cpu");
    assert_refused(
        with(json!({ "memory": "1.1Gi" }), json!({ "memory": "1Gi" })),
        "requests.memory is above limits.memory",
    );
    assert_refused(with(json!({ "cpu": "0" }), json!({})), "cpu must be 1m or more");
    for memory in ["0", "128", "128m", "3Mi"] {
        assert_refused(with(json!({}), json!({ "memory": memory })), "memory must be 4Mi or more");
    }
    let volume = |size: &str| created(json!({ "redis": { "managed": { "storage": { "size": size } } } }));
    assert_eq!((volume("1.5Gi"), volume("10G")), (Ok(()), Ok(())));
    assert_refused(volume("10"), "size must be 1Mi or more");
}

/// The specs are each refused with this message, and in no other words.
#[track_caller]
pub(super) fn assert_said(message: &str, specs: impl IntoIterator<Item = Value>) {
    for spec in specs {
        let said = created(spec.clone()).expect_err(&format!("the rules let it through: {spec}"));
        assert!(said.contains(message), "{spec}: {said}");
        assert!(!said.contains('^') && !said.contains("rror evaluating"), "{spec}: {said}");
    }
}

#[track_caller]
pub(super) fn assert_accepted(specs: impl IntoIterator<Item = Value>) {
    for spec in specs {
        assert_eq!(created(spec.clone()), Ok(()), "{spec}");
    }
}

#[test]
fn origins_headers_and_proxies_that_are_none_are_refused_in_plain_words() {
    let login = |field: &str, texts: &[&str]| {
        texts.iter().map(|text| json!({ "login": { field: [text] } })).collect::<Vec<_>>()
    };
    let origins = [
        "https://app.example.org",
        "http://localhost:3000",
        "capacitor://localhost",
        "https://[2001:db8::1]",
    ];
    assert_accepted(login("allowedOrigins", &origins));
    let bad = ["https://app.example.org/", "app.example.org", "https://app.example.org/login", "https://*"];
    assert_said("allowedOrigins has an entry that is not an origin", login("allowedOrigins", &bad));
    assert_accepted(login("allowedHeaders", &["x-tenant"]));
    assert_said(
        "allowedHeaders has an entry that is not the name",
        login("allowedHeaders", &["x tenant", "x_y:"]),
    );
    assert_accepted(login("trustedProxies", &["10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32", "::1/128"]));
    let bad = ["10.0.0.0", "10.0.0.0/", "ingress-nginx", "10.0.0.0/8,::/0"];
    assert_said("trustedProxies has an entry that is not a network", login("trustedProxies", &bad));
}

#[test]
fn addresses_that_are_none_are_refused_in_plain_words() {
    let broker = |url: &str| {
        let mut broker = external_broker();
        broker["managementUrl"] = json!(url);
        json!({ "rabbitmq": { "external": broker } })
    };
    assert_accepted(["https://rabbitmq.example.org:15671", "http://[2001:db8::1]:15672/"].map(broker));
    let bad =
        ["rabbitmq.example.org:15671", "http://user:p@broker", "http://broker:15672/api", "ftp://broker"];
    assert_said("managementUrl is not the address of a management API", bad.map(broker));
    let tracing = |tracing: Value| json!({ "monitoring": { "tracing": tracing } });
    let to = |endpoint: &str| tracing(json!({ "endpoint": endpoint }));
    assert_accepted(["http://otel-collector.monitoring.svc:4318", "https://[2001:db8::1]/v1/traces"].map(to));
    assert_said(
        "endpoint is not an address of a collector",
        ["otel-collector:4318", "grpc://c:4317", "http://c:99999", "http://u:p@c"].map(to),
    );
    let share = |ratio: &str| tracing(json!({ "endpoint": "http://c", "samplingRatio": ratio }));
    assert_accepted(["0", "0.25", "1", "1.0"].map(share));
    assert_said("samplingRatio is not a share of traces", ["2", "-1", "10%", ".5", ""].map(share));
}

#[test]
fn amounts_that_are_none_are_refused_in_plain_words() {
    let limits =
        |limits: Value| json!({ "mailService": { "resources": { "limits": limits, "requests": {} } } });
    assert_said(
        "cpu is not an amount of CPU",
        ["lots", "1 core", "-1", "1Gi"].map(|cpu| limits(json!({ "cpu": cpu }))),
    );
    let memory = |memory: &str| limits(json!({ "memory": memory }));
    assert_said("memory is not an amount of memory", ["128MB", "262144K", "-1Gi", "much"].map(memory));
    let request =
        json!({ "mailService": { "resources": { "limits": { "cpu": "1" }, "requests": { "cpu": "x" } } } });
    assert_said("cpu is not an amount of CPU", [request]);
    let volume = |size: &str| json!({ "redis": { "managed": { "storage": { "size": size } } } });
    assert_said("size is not an amount of storage", ["10GB", "big", "-1Gi", "100m"].map(volume));
}

#[test]
fn a_database_of_users_has_a_name_that_mongodb_takes() {
    let named = |name: &str| created(json!({ "users": { "database": name } }));
    assert_eq!(named("ping-users_2"), Ok(()));
    for name in ["a.b", "a b", "a/b", "$x"] {
        assert_refused(named(name), "users.database is not the name of a database");
    }
}

#[test]
fn a_header_that_pages_may_send_has_a_name_of_http() {
    let allowed = |name: &str| created(json!({ "login": { "allowedHeaders": [name] } }));
    for name in ["x-tenant", "X_Tenant", "it's", "a!#$%&*+.^`|~z"] {
        assert_eq!(allowed(name), Ok(()), "{name}");
    }
    for name in ["x tenant", "x:y", "(x)", "x,y"] {
        assert_refused(allowed(name), "allowedHeaders has an entry that is not the name of a header");
    }
}
