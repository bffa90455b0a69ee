//! The template for all stacks, a part's own over it, and the operator's pod below both.

use pingstack_crd::pod_template::Refused;
use serde_json::{Value, json};

use super::{Error, plan_on, pods, template, user_service, with};
use crate::{fixtures, platform::Platform};

/// The operator's template for all stacks.
fn for_all(value: Value) -> Platform {
    Platform { pod_template: template(value), ..fixtures::platform() }
}

/// The pods of user-service with both templates.
fn pod(default: Value, own: Value) -> Value {
    user_service(&plan_on(&for_all(default), &with(own)).unwrap())["spec"].clone()
}

fn refused(default: Value, own: Value) -> Refused {
    match plan_on(&for_all(default), &with(own)) {
        Err(Error::PodTemplate(refused)) => refused,
        other => panic!("it was not refused: {:?}", other.map(|_| ())),
    }
}

fn of_spec(spec: &Value) -> Value {
    json!({ "spec": spec })
}

#[test]
fn what_the_operator_only_prefers_can_be_removed() {
    let plain = pod(json!({}), json!({}));
    assert!(plain["affinity"].is_object() && plain["topologySpreadConstraints"].is_array());
    let removals = [
        json!({ "affinity": { "$patch": "delete" }, "topologySpreadConstraints": [{ "$patch": "replace" }] }),
        json!({ "affinity": null, "topologySpreadConstraints": null }),
    ];
    for (removal, (default, own)) in removals
        .iter()
        .flat_map(|removal| [(true, false), (false, true), (true, true)].map(|where_| (removal, where_)))
    {
        let given = |is_given| if is_given { of_spec(removal) } else { json!({}) };
        let pod = pod(given(default), given(own));
        assert!(
            pod["affinity"].is_null() && pod["topologySpreadConstraints"].is_null(),
            "{removal} {default} {own}"
        );
    }
    // What a stack writes over it is there alone.
    let anywhere = of_spec(&json!({ "affinity": { "$patch": "delete" } }));
    let own = of_spec(&json!({ "affinity": { "podAffinity": {} } }));
    assert_eq!(pod(anywhere, own)["affinity"], json!({ "podAffinity": {} }));
}

#[test]
fn what_the_pod_needs_is_not_removed() {
    let list = json!([{ "$patch": "replace" }]);
    let nulls = of_spec(&json!({
        "terminationGracePeriodSeconds": null, "volumes": list, "containers": list, "imagePullSecrets": list,
    }));
    let plain = pod(json!({}), json!({}));
    assert!(plain["terminationGracePeriodSeconds"].is_number() && plain["volumes"].is_array());
    for (default, own) in [(&nulls, &json!({})), (&json!({}), &nulls), (&nulls, &nulls)] {
        assert_eq!(pod(default.clone(), own.clone()), plain);
    }
    // What is for all stacks is removed.
    let default = of_spec(&json!({
        "terminationGracePeriodSeconds": 90, "volumes": [{ "name": "ca", "emptyDir": {} }],
        "containers": [{ "name": "side", "image": "x" }], "imagePullSecrets": [{ "name": "registry" }],
    }));
    assert_eq!(pod(default, nulls), plain);
}

#[test]
fn the_template_for_all_stacks_writes_to_the_own_container_of_each_part() {
    let own_of =
        |part: &str| json!({ "name": part, "volumeMounts": [{ "name": "ca", "mountPath": "/etc/ca" }] });
    let default = of_spec(&json!({
        "volumes": [{ "name": "ca", "configMap": { "name": "ca" } }],
        "containers": [own_of("user-service"), own_of("redis"), { "name": "side", "image": "x" }],
    }));
    crate::controller::build::pod_template::check_default("podTemplate", &template(default.clone())).unwrap();
    let plan = plan_on(&for_all(default), &with(json!({}))).unwrap();
    for (name, pod) in pods(&plan) {
        let names = pod["spec"]["containers"].as_array().unwrap().iter().map(|one| one["name"].clone());
        let part = name.trim_start_matches("demo-").to_owned();
        assert_eq!(names.collect::<Vec<_>>(), [json!(part), json!("side")]);
        let mounts = pod["spec"]["containers"][0]["volumeMounts"].as_array().cloned().unwrap_or_default();
        let is_mounted = mounts.iter().any(|mount| mount["mountPath"] == "/etc/ca");
        assert_eq!(is_mounted, ["user-service", "redis"].contains(&part.as_str()), "{part}");
    }
    let image = of_spec(&json!({ "containers": [{ "name": "redis", "image": "x" }] }));
    let refused =
        crate::controller::build::pod_template::check_default("podTemplate", &template(image)).unwrap_err();
    assert_eq!(refused.field, "podTemplate.spec.containers[redis].image");
}

#[test]
fn what_is_wrong_with_a_template_is_said_of_the_template_that_has_it() {
    let volume = of_spec(&json!({ "volumes": [{ "name": "signing-keys", "emptyDir": {} }] }));
    let whose = |default: &Value, own: &Value| refused(default.clone(), own.clone()).field;
    assert_eq!(whose(&volume, &json!({})), "stackPods.podTemplate.spec.volumes[0].name");
    assert_eq!(whose(&json!({}), &volume), "userService.podTemplate.spec.volumes[0].name");
    let port = json!({ "env": [{ "name": "PORT", "value": "1" }] });
    let notes =
        |default: &Value, own: &Value| plan_on(&for_all(default.clone()), &with(own.clone())).unwrap().notes;
    assert!(notes(&port, &json!({}))[0].starts_with("stackPods.podTemplate sets PORT, "));
    assert!(notes(&json!({}), &port)[0].starts_with("userService.podTemplate sets PORT, "));
    assert!(notes(&json!({}), &json!({})).is_empty());
}

#[test]
fn a_variable_of_a_stack_replaces_the_one_for_all_stacks_as_a_whole() {
    let default = json!({ "env": [{ "name": "PROXY", "value": "a" }] });
    let from = json!({ "secretKeyRef": { "name": "proxy", "key": "url" } });
    let variable = json!({ "name": "PROXY", "valueFrom": from });
    for own in [
        json!({ "env": [variable] }),
        of_spec(&json!({ "containers": [{ "name": "user-service", "env": [variable] }] })),
    ] {
        let env = pod(default.clone(), own)["containers"][0]["env"].clone();
        assert_eq!(env.as_array().unwrap().last(), Some(&variable));
    }
}

#[test]
fn a_sidecar_for_all_stacks_is_changed_by_its_name() {
    let default = of_spec(&json!({ "containers": [{ "name": "side", "image": "x", "args": ["a"] }] }));
    let own = of_spec(&json!({ "containers": [{ "name": "side", "args": ["b"] }] }));
    let containers = pod(default, own.clone())["containers"].clone();
    assert_eq!((&containers[1]["image"], &containers[1]["args"]), (&json!("x"), &json!(["b"])));
    // Without it, it is no container.
    let refused = refused(json!({}), own);
    assert_eq!(refused.field, "userService.podTemplate.spec.containers[side]");
    assert!(refused.why.contains("user-service"), "{refused}");
}

#[test]
fn a_constraint_without_a_selector_counts_the_pods_of_its_part_in_every_part() {
    let zone = json!({ "topologyKey": "zone", "maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway" });
    let platform = for_all(of_spec(&json!({ "topologySpreadConstraints": [zone] })));
    let plan = plan_on(&platform, &with(json!({}))).unwrap();
    for (name, pod) in pods(&plan) {
        let all = pod["spec"]["topologySpreadConstraints"].as_array().unwrap().clone();
        let selector = &all.last().unwrap()["labelSelector"]["matchLabels"];
        let part = name.trim_start_matches("demo-");
        assert_eq!(*selector, json!({ "pingstack.dev/stack": "demo", "pingstack.dev/part": part }), "{name}");
    }
}
