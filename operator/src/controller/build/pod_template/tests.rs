use pingstack_crd::{PingStack, SecurityProfile, pod_template::PodTemplate};
use serde_json::{Map, Value, from_value, json};

use super::super::{Error, Plan, build};
use crate::{
    controller::validate::{ValidatedStack, validate},
    fixtures::{self, MINIMAL},
    platform::Platform,
};

mod layers;
mod refused;

fn template(value: Value) -> PodTemplate {
    from_value(value).unwrap()
}

/// The minimal stack with this template at user-service.
fn with(value: Value) -> PingStack {
    let mut stack = fixtures::stack(MINIMAL);
    stack.spec.user_service.pod_template = Some(template(value));
    stack
}

fn validated(stack: &PingStack) -> ValidatedStack {
    validate(stack, fixtures::references()).unwrap()
}

fn plan_on(platform: &Platform, stack: &PingStack) -> Result<Plan, Error> {
    build(&validated(stack), platform, &fixtures::entropy())
}

fn plan(stack: &PingStack) -> Plan {
    plan_on(&fixtures::platform(), stack).unwrap()
}

fn user_service(plan: &Plan) -> Value {
    let deployments = &plan.resources.deployments;
    let it =
        deployments.iter().find(|one| one.metadata.name.as_deref() == Some("demo-user-service")).unwrap();
    json!(it)["spec"]["template"].clone()
}

/// Of every workload: its name and the template of its pods.
fn pods(plan: &Plan) -> Vec<(String, Value)> {
    let resources = &plan.resources;
    let all = [json!(resources.deployments), json!(resources.stateful_sets), json!(resources.jobs)];
    let all = all.iter().flat_map(|list| list.as_array().unwrap().clone());
    all.map(|one| (one["metadata"]["name"].as_str().unwrap().to_owned(), one["spec"]["template"].clone()))
        .collect()
}

#[test]
fn what_a_template_adds_is_in_the_pods_of_its_part_alone() {
    let before = plan(&fixtures::stack(MINIMAL));
    let after = plan(&with(json!({
        "metadata": { "labels": { "team": "login" }, "annotations": { "sidecar.istio.io/inject": "false" } },
        "spec": {
            "nodeSelector": { "disk": "ssd" },
            "tolerations": [{ "key": "login", "operator": "Exists" }],
            "priorityClassName": "high", "runtimeClassName": "gvisor", "schedulerName": "other",
            "imagePullSecrets": [{ "name": "registry" }],
            "dnsConfig": { "options": [{ "name": "ndots", "value": "1" }] },
            "terminationGracePeriodSeconds": 60,
            "topologySpreadConstraints": [
                { "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule" },
                { "topologyKey": "zone", "maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway" },
            ],
            "volumes": [{ "name": "ca", "configMap": { "name": "ca" } }],
            "containers": [
                { "name": "proxy", "image": "proxy:1", "resources": { "limits": { "cpu": 1 } } },
                { "name": "user-service", "volumeMounts": [{ "name": "ca", "mountPath": "/etc/ca" }] },
            ],
        },
        "env": [{ "name": "HTTPS_PROXY", "value": "http://proxy" }],
    })));
    let pod = user_service(&after);
    assert_eq!(
        (&pod["metadata"]["labels"]["team"], &pod["metadata"]["labels"]["pingstack.dev/stack"]),
        (&json!("login"), &json!("demo"))
    );
    assert!(pod["metadata"]["annotations"]["pingstack.dev/config-hash"].is_string());
    assert_eq!(pod["metadata"]["annotations"]["sidecar.istio.io/inject"], "false");
    let spec = &pod["spec"];
    assert_eq!((&spec["nodeSelector"]["disk"], &spec["priorityClassName"]), (&json!("ssd"), &json!("high")));
    assert_eq!((&spec["runtimeClassName"], &spec["schedulerName"]), (&json!("gvisor"), &json!("other")));
    assert_eq!(spec["tolerations"][0]["key"], "login");
    assert_eq!(spec["imagePullSecrets"], json!([{ "name": "registry" }]));
    assert_eq!(spec["dnsConfig"]["options"][0]["name"], "ndots");
    assert_eq!(spec["terminationGracePeriodSeconds"], 60);
    let spread = &spec["topologySpreadConstraints"];
    assert_eq!(
        (&spread[0]["whenUnsatisfiable"], &spread[0]["maxSkew"]),
        (&json!("DoNotSchedule"), &json!(1))
    );
    assert_eq!(
        spread[1]["labelSelector"], spread[0]["labelSelector"],
        "a constraint without a selector counts the siblings"
    );
    // Ours is the first container: the one that `kubectl logs` shows.
    let containers = &spec["containers"];
    assert_eq!((&containers[0]["name"], &containers[1]["name"]), (&json!("user-service"), &json!("proxy")));
    assert_eq!(containers[1]["resources"]["limits"]["cpu"], "1");
    assert_eq!(
        containers[1]["securityContext"],
        json!({ "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } })
    );
    let mounts = containers[0]["volumeMounts"].as_array().unwrap();
    assert!(mounts.iter().any(|mount| mount["mountPath"] == "/etc/ca"));
    assert!(mounts.iter().any(|mount| mount["mountPath"] == "/etc/ping/signing-keys"));
    let env = containers[0]["env"].as_array().unwrap();
    assert_eq!(env.last().unwrap(), &json!({ "name": "HTTPS_PROXY", "value": "http://proxy" }));
    let others = |plan: &Plan| {
        pods(plan).into_iter().filter(|(name, _)| name != "demo-user-service").collect::<Vec<_>>()
    };
    assert_eq!(others(&before), others(&after));
    assert!(after.notes.is_empty());
}

#[test]
fn a_variable_that_the_operator_sets_keeps_its_value_and_is_named() {
    let stack = with(json!({
        "env": [{ "name": "PORT", "value": "1" }, { "name": "MINE", "value": "2" }],
        "spec": { "containers": [{ "name": "user-service", "env": [{ "name": "LOG_FORMAT", "value": "compact" }, { "name": "MINE", "value": "3" }] }] },
    }));
    let plan = plan(&stack);
    let env = user_service(&plan)["spec"]["containers"][0]["env"].clone();
    let of = |name: &str| {
        let all = env.as_array().unwrap().iter().filter(|one| one["name"] == name);
        all.map(|one| one["value"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        (of("PORT"), of("LOG_FORMAT"), of("MINE")),
        (vec![json!("5000")], vec![json!("json")], vec![json!("3")])
    );
    assert_eq!(
        plan.notes,
        [
            "userService.podTemplate sets PORT, LOG_FORMAT, which the operator sets in user-service: the operator's value is used"
        ]
    );
}

#[test]
fn the_template_of_the_operator_is_in_all_pods_and_gives_way_to_the_stacks_own() {
    let mut platform = fixtures::platform();
    platform.pod_template = from_value(json!({
        "metadata": { "labels": { "team": "platform", "cost": "1" } },
        "env": [{ "name": "HTTPS_PROXY", "value": "a" }, { "name": "NO_PROXY", "value": "b" }],
        "spec": {
            "nodeSelector": { "pool": "login" }, "terminationGracePeriodSeconds": 90,
            "tolerations": [{ "key": "pool", "operator": "Exists" }],
        },
        "serviceAccountAnnotations": { "iam": "role", "more": "1" },
    }))
    .unwrap();
    let mut stack = with(json!({
        "metadata": { "labels": { "team": "login" } },
        "env": [{ "name": "HTTPS_PROXY", "value": "c" }],
        "spec": { "nodeSelector": { "disk": "ssd" }, "tolerations": [] },
        "serviceAccountAnnotations": { "iam": "mine" },
    }));
    stack.spec.smtp.test_recipient = Some("ada@example.org".to_owned());
    let plan = plan_on(&platform, &stack).unwrap();
    let all = pods(&plan);
    assert_eq!(all.len(), 5, "two services, two servers and a test mail");
    for (name, pod) in &all {
        assert_eq!(pod["spec"]["nodeSelector"]["pool"], "login", "{name}");
        assert_eq!(pod["metadata"]["labels"]["cost"], "1", "{name}");
    }
    let grace = |name: &str| {
        let (_, pod) = all.iter().find(|(one, _)| one == name).unwrap();
        pod["spec"]["terminationGracePeriodSeconds"].clone()
    };
    // What a part needs to end is not cut short by a time for all of them.
    assert_eq!(
        (grace("demo-redis"), grace("demo-rabbitmq"), grace("demo-mail-service")),
        (json!(90), json!(120), json!(102))
    );
    let pod = user_service(&plan);
    assert_eq!(pod["metadata"]["labels"]["team"], "login");
    assert_eq!(pod["spec"]["nodeSelector"], json!({ "pool": "login", "disk": "ssd" }));
    assert_eq!(pod["spec"]["tolerations"], json!([]), "a list without names is replaced");
    let env = pod["spec"]["containers"][0]["env"].as_array().unwrap().clone();
    assert_eq!(
        env[env.len() - 2..],
        [json!({ "name": "NO_PROXY", "value": "b" }), json!({ "name": "HTTPS_PROXY", "value": "c" })]
    );
    let accounts = json!(plan.resources.service_accounts);
    let of = |name: &str| {
        let all = accounts.as_array().unwrap().iter();
        all.filter(|one| one["metadata"]["name"] == name)
            .map(|one| one["metadata"]["annotations"].clone())
            .next()
            .unwrap()
    };
    assert_eq!(of("demo-user-service"), json!({ "iam": "mine", "more": "1" }));
    assert_eq!(of("demo-redis"), json!({ "iam": "role", "more": "1" }));
}

#[test]
fn the_pod_of_a_test_mail_has_what_lets_it_run_and_no_container_that_keeps_it_running() {
    let mut stack = fixtures::stack(MINIMAL);
    stack.spec.smtp.test_recipient = Some("ada@example.org".to_owned());
    stack.spec.mail_service.pod_template = Some(template(json!({ "spec": {
        "priorityClassName": "high", "imagePullSecrets": [{ "name": "registry" }],
        "initContainers": [{ "name": "mesh", "image": "x", "restartPolicy": "Always" }],
        "containers": [{ "name": "side", "image": "x" }, { "name": "mail-service", "env": [{ "name": "A", "value": "b" }] }],
    } })));
    let plan = plan(&stack);
    let job = json!(plan.resources.jobs[0])["spec"]["template"]["spec"].clone();
    assert_eq!(
        (&job["priorityClassName"], &job["imagePullSecrets"][0]["name"]),
        (&json!("high"), &json!("registry"))
    );
    assert_eq!(job["containers"].as_array().unwrap().len(), 1);
    assert!(job["initContainers"].is_null());
    assert!(job["containers"][0]["env"].as_array().unwrap().contains(&json!({ "name": "A", "value": "b" })));
}

#[test]
fn a_stack_has_a_copy_of_the_operators_pull_secret_and_every_pod_uses_it() {
    let mut stack = fixtures::stack(MINIMAL);
    stack.spec.smtp.test_recipient = Some("ada@example.org".to_owned());
    assert!(plan(&stack).resources.pull_secrets.is_empty());
    let mut references = fixtures::references();
    references.pull_secret = Some(k8s_openapi::ByteString(b"{}".to_vec()));
    let plan =
        build(&validate(&stack, references).unwrap(), &fixtures::platform(), &fixtures::entropy()).unwrap();
    let secret = json!(plan.resources.pull_secrets[0]);
    assert_eq!(
        (&secret["metadata"]["name"], &secret["type"]),
        (&json!("demo-pull"), &json!("kubernetes.io/dockerconfigjson"))
    );
    assert_eq!(secret["data"], json!({ ".dockerconfigjson": "e30=" }));
    for (name, pod) in pods(&plan) {
        assert_eq!(pod["spec"]["imagePullSecrets"], json!([{ "name": "demo-pull" }]), "{name}");
    }
}

#[test]
fn users_and_groups_are_left_out_where_the_cluster_gives_them_out() {
    let mut stack = fixtures::stack(MINIMAL);
    stack.spec.smtp.test_recipient = Some("ada@example.org".to_owned());
    let mut openshift = fixtures::platform();
    openshift.security_profile = SecurityProfile::OpenShift;
    let numbers = |platform: &Platform, stack: &PingStack| {
        let plan = plan_on(platform, stack).unwrap();
        let pods = pods(&plan);
        let security = pods.iter().map(|(_, pod)| pod["spec"]["securityContext"].clone());
        assert!(pods.iter().all(|(_, pod)| pod["spec"]["securityContext"]["runAsNonRoot"] == true));
        let named = |context: &Value| {
            ["runAsUser", "runAsGroup", "fsGroup"].iter().any(|name| !context[name].is_null())
        };
        (pods.len(), security.filter(named).count())
    };
    assert_eq!(numbers(&fixtures::platform(), &stack), (5, 5));
    assert_eq!(numbers(&openshift, &stack), (5, 0));
    stack.spec.security_profile = SecurityProfile::Restricted;
    assert_eq!(numbers(&openshift, &stack), (5, 5));
    stack.spec.security_profile = SecurityProfile::OpenShift;
    assert_eq!(numbers(&fixtures::platform(), &stack), (5, 0));
}

#[test]
fn an_empty_template_changes_nothing() {
    let empty = PodTemplate { spec: Map::new(), ..PodTemplate::default() };
    let mut stack = fixtures::stack(MINIMAL);
    let before = pods(&plan(&stack));
    stack.spec.user_service.pod_template = Some(empty);
    assert_eq!(pods(&plan(&stack)), before);
}
