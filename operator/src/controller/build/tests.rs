use std::collections::BTreeMap;

use k8s_openapi::api::{apps::v1::Deployment, core::v1::Secret};
use kube::ResourceExt as _;
use serde_json::{Value, json};

use super::{Error, Plan, Resources, broker_topology::Target, build, object};
use crate::{
    controller::validate::ValidatedStack,
    fixtures::{self, EXTERNAL, FULL, MINIMAL},
    names::CONFIG_HASH_ANNOTATION,
};

fn plan(yaml: &str) -> Plan {
    build(&fixtures::validated(yaml), &fixtures::platform(), &fixtures::entropy()).unwrap()
}

/// Every object of a plan as JSON, by kind and name; Secrets without their values.
fn objects(plan: &Plan) -> BTreeMap<String, Value> {
    let Resources {
        missing_secrets,
        pull_secrets,
        service_accounts,
        config_maps,
        services,
        network_policies,
        pod_disruption_budgets,
        stateful_sets,
        deployments,
        horizontal_pod_autoscalers,
        ingresses,
        jobs,
        state: _,
    } = &plan.resources;
    let secrets =
        missing_secrets.iter().cloned().map(|secret| Secret { data: None, ..secret }).collect::<Vec<_>>();
    let lists = [
        serde_json::to_value(secrets),
        serde_json::to_value(pull_secrets),
        serde_json::to_value(service_accounts),
        serde_json::to_value(config_maps),
        serde_json::to_value(services),
        serde_json::to_value(network_policies),
        serde_json::to_value(pod_disruption_budgets),
        serde_json::to_value(stateful_sets),
        serde_json::to_value(deployments),
        serde_json::to_value(horizontal_pod_autoscalers),
        serde_json::to_value(ingresses),
        serde_json::to_value(jobs),
    ];
    let objects = lists.into_iter().flat_map(|list| list.unwrap().as_array().unwrap().clone());
    objects
        .map(|object| (format!("{} {}", text(&object["kind"]), text(&object["metadata"]["name"])), object))
        .collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[test]
fn a_field_that_the_type_does_not_have_is_named_by_its_path() {
    let manifest = json!({ "spec": {
        "selector": {},
        "template": { "spec": { "containers": [{ "name": "a" }, { "name": "b", "imge": "b:1" }] } },
    } });
    let Err(Error::UnknownField { kind, field }) = object::<Deployment>(manifest) else { panic!("built") };
    assert_eq!((kind, field.as_str()), ("Deployment", ".spec.template.spec.containers[1].imge"));
}

#[test]
fn the_minimal_sample_becomes_these_objects() {
    insta::assert_yaml_snapshot!(objects(&plan(MINIMAL)));
}

#[test]
fn the_full_sample_becomes_these_objects() {
    insta::assert_yaml_snapshot!(objects(&plan(FULL)));
}

#[test]
fn the_external_sample_becomes_these_objects() {
    insta::assert_yaml_snapshot!(objects(&plan(EXTERNAL)));
}

#[test]
fn every_object_is_owned_and_labelled() {
    for (name, object) in [MINIMAL, FULL, EXTERNAL].iter().flat_map(|yaml| objects(&plan(yaml))) {
        let metadata = &object["metadata"];
        assert_eq!(metadata["namespace"], "team", "{name}");
        // The secret of user ids outlives the stack.
        let is_kept = name.starts_with("Secret ") && name.ends_with("-user-ids");
        let owner = if is_kept { Value::Null } else { json!("0b5ec0de") };
        assert_eq!(metadata["ownerReferences"][0]["uid"], owner, "{name}");
        assert_eq!(metadata["labels"]["app.kubernetes.io/managed-by"], "ping-operator", "{name}");
        assert!(metadata["labels"]["pingstack.dev/part"].is_string(), "{name}");
    }
}

#[test]
fn every_name_fits_for_the_longest_stack_name() {
    let mut stack = fixtures::stack(MINIMAL);
    stack.metadata.name = Some("a".repeat(pingstack_crd::MAX_NAME_LENGTH));
    let validated = crate::controller::validate::validate(&stack, fixtures::references()).unwrap();
    let plan = build(&validated, &fixtures::platform(), &fixtures::entropy()).unwrap();
    for (name, object) in objects(&plan) {
        let length = object["metadata"]["name"].as_str().unwrap().len();
        // A StatefulSet's pods carry its name and a hash in a label; a Deployment's two hashes in their name.
        let limit = if name.starts_with("StatefulSet") || name.starts_with("Deployment") { 52 } else { 63 };
        assert!(length <= limit, "{name} has {length} characters");
    }
}

/// Every pod template of a plan, by its workload.
fn pods(plan: &Plan) -> Vec<(String, Value)> {
    let is_workload =
        |name: &str| ["StatefulSet", "Deployment", "Job"].iter().any(|kind| name.starts_with(kind));
    let workloads = objects(plan).into_iter().filter(|(name, _)| is_workload(name));
    workloads.map(|(name, object)| (name, object["spec"]["template"].clone())).collect()
}

#[test]
fn every_pod_passes_the_pod_security_standard_restricted() {
    for (name, template) in [MINIMAL, FULL, EXTERNAL].iter().flat_map(|yaml| pods(&plan(yaml))) {
        let pod = &template["spec"];
        for field in ["hostNetwork", "hostPID", "hostIPC"] {
            assert!(pod[field].is_null(), "{name}: {field}");
        }
        let security = &pod["securityContext"];
        assert_eq!(security["runAsNonRoot"], true, "{name}");
        assert!(security["runAsUser"].as_i64().unwrap() > 0, "{name}");
        assert_eq!(security["seccompProfile"]["type"], "RuntimeDefault", "{name}");
        for volume in pod["volumes"].as_array().into_iter().flatten() {
            let allowed = ["configMap", "emptyDir", "projected", "secret"];
            let allowed = allowed.iter().any(|kind| !volume[kind].is_null());
            assert!(allowed, "{name}: {volume}");
        }
        for container in pod["containers"].as_array().unwrap() {
            let security = &container["securityContext"];
            assert_eq!(security["allowPrivilegeEscalation"], false, "{name}");
            assert_eq!(security["readOnlyRootFilesystem"], true, "{name}");
            assert_eq!(security["capabilities"], serde_json::json!({ "drop": ["ALL"] }), "{name}");
            let mut ports = container["ports"].as_array().into_iter().flatten();
            assert!(ports.all(|port| port["hostPort"].is_null()), "{name}");
        }
    }
}

#[test]
fn no_pod_gets_a_token_and_every_pod_has_limits() {
    for (name, template) in [MINIMAL, FULL, EXTERNAL].iter().flat_map(|yaml| pods(&plan(yaml))) {
        assert_eq!(template["spec"]["automountServiceAccountToken"], false, "{name}");
        assert_eq!(template["spec"]["enableServiceLinks"], false, "{name}");
        assert!(template["spec"]["serviceAccountName"].is_string(), "{name}");
        let container = &template["spec"]["containers"][0];
        assert!(container["resources"]["limits"]["memory"].is_string(), "{name}");
        assert!(container["resources"]["requests"]["cpu"].is_string(), "{name}");
    }
}

#[test]
fn no_secret_value_is_in_any_object_but_the_secrets() {
    let plan = plan(MINIMAL);
    let values = plan.resources.missing_secrets.iter().flat_map(|secret| secret.data.iter().flatten());
    let values = values
        .filter(|(key, _)| !key.ends_with("salt"))
        .map(|(_, value)| String::from_utf8(value.0.clone()).unwrap());
    let all = serde_json::to_string(&objects(&plan)).unwrap();
    for value in values {
        assert!(!all.contains(value.trim()));
    }
    let Target::Managed(nodes) = &plan.topology.target else {
        panic!("the minimal stack has its own broker")
    };
    assert!(!format!("{nodes:?}").contains(&nodes[0].management.password));
}

fn hash(plan: &Plan, workload: &str) -> String {
    let (_, template) = pods(plan).into_iter().find(|(name, _)| name == workload).unwrap();
    template["metadata"]["annotations"][CONFIG_HASH_ANNOTATION].as_str().unwrap().to_owned()
}

#[test]
fn a_changed_secret_rolls_who_reads_it_and_nobody_else() {
    let before = plan(FULL);
    let mut references = fixtures::references();
    let changed = fixtures::secret("smtp", &[("EMAIL_USER", "u"), ("EMAIL_PASSWORD", "another")]);
    references.secrets.insert("smtp".to_owned(), Some(changed));
    let stack = crate::controller::validate::validate(&fixtures::stack(FULL), references).unwrap();
    let after = build(&stack, &fixtures::platform(), &fixtures::entropy()).unwrap();
    assert_ne!(hash(&before, "Deployment full-mail-service"), hash(&after, "Deployment full-mail-service"));
    for same in ["Deployment full-user-service", "StatefulSet full-redis", "StatefulSet full-rabbitmq"] {
        assert_eq!(hash(&before, same), hash(&after, same), "{same}");
    }
}

#[test]
fn growing_the_broker_does_not_restart_the_one_that_holds_the_mail() {
    let one = plan(MINIMAL);
    let mut stack = fixtures::stack(MINIMAL);
    stack.spec.rabbitmq.managed.as_mut().unwrap().replicas = 3;
    let stack = crate::controller::validate::validate(&stack, fixtures::references()).unwrap();
    let three = build(&stack, &fixtures::platform(), &fixtures::entropy()).unwrap();
    assert_eq!(hash(&one, "StatefulSet demo-rabbitmq"), hash(&three, "StatefulSet demo-rabbitmq"));
    let template = |plan: &Plan| pods(plan).into_iter().find(|(name, _)| name == "StatefulSet demo-rabbitmq");
    assert_eq!(template(&one), template(&three));
    let config = |plan: &Plan| objects(plan)["ConfigMap demo-rabbitmq"]["data"]["rabbitmq.conf"].to_string();
    assert_eq!(config(&one).matches("classic_config.nodes").count(), 1);
    assert_eq!(config(&three).matches("classic_config.nodes").count(), 3);
    // Alone there is nobody to wait for.
    assert!(!config(&one).contains("discovery_retry"));
    assert!(config(&three).contains("cluster_formation.discovery_retry_limit = 1000000\\n"));
}

#[test]
fn the_broker_must_have_users_of_both_generations_during_a_rotation() {
    let mut stack = fixtures::validated(MINIMAL);
    let created =
        build(&stack, &fixtures::platform(), &fixtures::entropy()).unwrap().resources.missing_secrets;
    stack
        .own_secrets
        .extend(created.into_iter().map(|secret| (secret.name_any(), std::sync::Arc::new(secret))));
    stack.rotations.broker_passwords = "1".to_owned();
    let rotating = build(&stack, &fixtures::platform(), &fixtures::entropy()).unwrap().topology;
    let names = rotating.desired.users.iter().map(|user| user.name.as_str()).collect::<Vec<_>>();
    assert_eq!(names.len(), 6);
    assert!(names.contains(&"team.demo.user-service.a") && names.contains(&"team.demo.user-service.b"));
    assert_eq!(rotating.retiring_users[0], "team.demo.user-service.a");
}

#[test]
fn the_broker_is_reached_where_it_is() {
    let managed = plan(MINIMAL).topology;
    let Target::Managed(nodes) = &managed.target else { panic!("the minimal stack has its own broker") };
    let asked =
        nodes.iter().map(|node| (node.node.as_str(), node.management.url.as_str())).collect::<Vec<_>>();
    let host = "demo-rabbitmq-0.demo-rabbitmq-nodes.team";
    assert_eq!(asked, [(&*format!("rabbit@{host}"), &*format!("http://{host}.svc:15672"))]);
    assert_eq!(managed.members, Some(1));
    assert_eq!(managed.desired.vhost.owner.as_deref(), Some("c1u5ter/team/demo"));
    let external = plan(EXTERNAL).topology;
    let Target::External(management) = &external.target else { panic!("the external sample has a broker") };
    assert_eq!(management.url, "https://rabbitmq.example.org:15671");
    assert_eq!((external.members, external.desired.vhost.name.as_str()), (None, "ping-example"));
}

#[test]
fn redis_users_have_only_their_own_keys_and_nobody_can_be_the_one_that_replays() {
    let objects = objects(&plan(MINIMAL));
    let acl = objects["ConfigMap demo-redis"]["data"]["users.acl"].as_str().unwrap();
    let of = |user: &str| acl.lines().find(|line| line.starts_with(&format!("user {user} "))).unwrap();
    assert_eq!(of("default"), "user default off ~* &* +@all");
    assert!(of("user-service").contains("~otp:*") && !of("user-service").contains("~mail:*"));
    assert!(of("mail-service").contains("~mail:*") && !of("mail-service").contains("~otp:*"));
    let others = acl.replace(of("default"), "");
    assert!(!others.contains("~* ") && !others.contains("allkeys") && !others.contains("+@all"));
}

#[test]
fn no_network_policies_where_they_are_not_wanted() {
    let mut stack = fixtures::stack(MINIMAL);
    stack.spec.network_policy.enabled = false;
    let stack = crate::controller::validate::validate(&stack, fixtures::references()).unwrap();
    let plan = build(&stack, &fixtures::platform(), &fixtures::entropy()).unwrap();
    assert!(plan.resources.network_policies.is_empty());
}

/// The ports to which a NetworkPolicy lets pods out to anywhere.
fn policy(plan: &Plan, name: &str) -> Value {
    let policies = &plan.resources.network_policies;
    let policy = policies.iter().find(|policy| policy.metadata.name.as_deref() == Some(name)).unwrap();
    serde_json::to_value(policy).unwrap()
}

fn plan_of(stack: &ValidatedStack) -> Plan {
    build(stack, &fixtures::platform(), &fixtures::entropy()).unwrap()
}

#[test]
fn an_ingress_controller_on_the_network_of_its_node_is_let_in_by_its_address() {
    let mut stack = fixtures::validated(FULL);
    stack.spec.login.trusted_proxies = vec!["192.0.2.7/24".to_owned(), "2001:db8::/64".to_owned()];
    let callers = |stack: &ValidatedStack| {
        policy(&plan_of(stack), "full-user-service")["spec"]["ingress"][0]["from"].to_string()
    };
    let with_ingress = callers(&stack);
    for network in ["192.0.2.0/24", "2001:db8::/64"] {
        assert!(with_ingress.contains(&format!(r#"{{"ipBlock":{{"cidr":"{network}"}}}}"#)), "{with_ingress}");
    }
    stack.spec.user_service.ingress = None;
    assert!(!callers(&stack).contains("ipBlock"), "nobody asked for a way in from outside");
}

#[test]
fn dns_is_reached_where_its_pods_listen_on_another_port() {
    for part in ["user-service", "mail-service", "rabbitmq"] {
        let egress = policy(&plan(FULL), &format!("full-{part}"))["spec"]["egress"][0]["ports"].clone();
        let ports = egress.as_array().unwrap().iter().map(|port| port["port"].as_u64().unwrap());
        assert_eq!(ports.collect::<Vec<_>>(), [53, 53, 5353, 5353], "{part}");
    }
}

fn ports_to_anywhere(plan: &Plan, policy: &str) -> Vec<u64> {
    let policy = objects(plan)[&format!("NetworkPolicy {policy}")].clone();
    let rules = policy["spec"]["egress"].as_array().unwrap().clone();
    let anywhere = rules.into_iter().filter(|rule| rule["to"].is_null());
    anywhere
        .flat_map(|rule| rule["ports"].as_array().unwrap().clone())
        .map(|port| port["port"].as_u64().unwrap())
        .collect()
}

#[test]
fn external_servers_open_the_ports_of_their_urls_and_no_others() {
    // Redis' URL names no port, the broker has TLS, MongoDB's URI is a bare host.
    assert_eq!(ports_to_anywhere(&plan(EXTERNAL), "external-user-service"), [6379, 5671]);
    assert_eq!(ports_to_anywhere(&plan(EXTERNAL), "external-mail-service"), [6379, 5671, 587]);
    assert_eq!(ports_to_anywhere(&plan(FULL), "full-user-service"), [4318, 27017]);
    assert_eq!(ports_to_anywhere(&plan(FULL), "full-mail-service"), [4318, 587]);
    let mut references = fixtures::references();
    let uri = "mongodb+srv://cluster.example.org";
    references.secrets.insert("directory".to_owned(), Some(fixtures::secret("directory", &[("uri", uri)])));
    let stack = crate::controller::validate::validate(&fixtures::stack(FULL), references).unwrap();
    let plan = build(&stack, &fixtures::platform(), &fixtures::entropy()).unwrap();
    assert_eq!(ports_to_anywhere(&plan, "full-user-service"), [4318, 1024], "the beginning of a range");
}

#[test]
fn a_misspelt_field_is_found() {
    let misspelt = serde_json::json!({ "metadata": { "name": "x" }, "spec": { "clusterIPP": "None" } });
    let error = super::object::<k8s_openapi::api::core::v1::Service>(misspelt).unwrap_err();
    assert!(
        error.to_string().ends_with("has a field that the type does not have: .spec.clusterIPP"),
        "{error}"
    );
}
