//! What a template may not have.

use pingstack_crd::pod_template::Refused;
use serde_json::{Value, json};

use super::{Error, plan_on, with};
use crate::fixtures;

fn refused(value: Value) -> Refused {
    match plan_on(&fixtures::platform(), &with(value)) {
        Err(Error::PodTemplate(refused)) => refused,
        other => panic!("it was not refused: {:?}", other.map(|_| ())),
    }
}

#[test]
fn what_breaks_restricted_is_refused_and_named() {
    let of_sidecar = |fields: Value| {
        let mut container = json!({ "name": "side", "image": "x" });
        fields.as_object().unwrap().iter().for_each(|(name, value)| container[name] = value.clone());
        json!({ "spec": { "containers": [container] } })
    };
    let security = |context: Value| of_sidecar(json!({ "securityContext": context }));
    for (value, field) in [
        (json!({ "spec": { "hostNetwork": true } }), "spec.hostNetwork"),
        (json!({ "spec": { "hostPID": true } }), "spec.hostPID"),
        (json!({ "spec": { "hostIPC": false } }), "spec.hostIPC"),
        (
            json!({ "spec": { "volumes": [{ "name": "x", "hostPath": { "path": "/" } }] } }),
            "spec.volumes[0].hostPath",
        ),
        (
            json!({ "spec": { "volumes": [{ "name": "x", "nfs": { "server": "a", "path": "/" } }] } }),
            "spec.volumes[0].nfs",
        ),
        (security(json!({ "privileged": true })), "spec.containers[side].securityContext.privileged"),
        (
            security(json!({ "allowPrivilegeEscalation": true })),
            "spec.containers[side].securityContext.allowPrivilegeEscalation",
        ),
        (security(json!({ "runAsUser": 0 })), "spec.containers[side].securityContext.runAsUser"),
        (security(json!({ "runAsNonRoot": false })), "spec.containers[side].securityContext.runAsNonRoot"),
        (
            security(json!({ "capabilities": { "add": ["NET_ADMIN"] } })),
            "spec.containers[side].securityContext.capabilities.add",
        ),
        (
            security(json!({ "capabilities": { "drop": ["KILL"] } })),
            "spec.containers[side].securityContext.capabilities.drop",
        ),
        (
            security(json!({ "seccompProfile": { "type": "Unconfined" } })),
            "spec.containers[side].securityContext.seccompProfile",
        ),
        (
            security(json!({ "appArmorProfile": { "type": "Unconfined" } })),
            "spec.containers[side].securityContext.appArmorProfile",
        ),
        (security(json!({ "procMount": "Unmasked" })), "spec.containers[side].securityContext.procMount"),
        (
            security(json!({ "seLinuxOptions": { "type": "spc_t" } })),
            "spec.containers[side].securityContext.seLinuxOptions",
        ),
        (
            of_sidecar(json!({ "ports": [{ "containerPort": 1, "hostPort": 1 }] })),
            "spec.containers[side].ports.hostPort",
        ),
        (
            of_sidecar(json!({ "livenessProbe": { "httpGet": { "port": 1, "host": "10.0.0.1" } } })),
            "spec.containers[side].livenessProbe.httpGet.host",
        ),
    ] {
        let refused = refused(value.clone());
        assert_eq!(refused.field, format!("userService.podTemplate.{field}"), "{value}");
        assert!(refused.why.contains("restricted"), "{refused}");
    }
    // An init container is judged the same, and what `restricted` admits is taken.
    let init = json!({ "spec": { "initContainers": [{ "name": "side", "image": "x", "securityContext": { "privileged": true } }] } });
    assert_eq!(
        refused(init).field,
        "userService.podTemplate.spec.initContainers[side].securityContext.privileged"
    );
    let low_port =
        json!({ "runAsUser": 1000, "capabilities": { "add": ["NET_BIND_SERVICE"], "drop": ["ALL"] } });
    assert!(plan_on(&fixtures::platform(), &with(security(low_port))).is_ok());
}

#[test]
fn what_is_the_operators_is_refused_and_named() {
    for (value, field, why) in [
        (
            json!({ "metadata": { "labels": { "pingstack.dev/stack": "other" } } }),
            "metadata.labels",
            "pingstack.dev/stack",
        ),
        (
            json!({ "metadata": { "labels": { "app.kubernetes.io/name": "x" } } }),
            "metadata.labels",
            "app.kubernetes.io/name",
        ),
        (
            json!({ "metadata": { "annotations": { "pingstack.dev/config-hash": "x" } } }),
            "metadata.annotations",
            "config-hash",
        ),
        (
            json!({ "spec": { "securityContext": { "runAsUser": 7 } } }),
            "spec.securityContext",
            "securityProfile",
        ),
        (json!({ "spec": { "serviceAccountName": "x" } }), "spec.serviceAccountName", "set by the operator"),
        (json!({ "spec": { "restartPolicy": "Never" } }), "spec.restartPolicy", "set by the operator"),
        (json!({ "spec": { "nodeName": "x" } }), "spec.nodeName", "nodeSelector"),
        (json!({ "spec": { "tolerationz": [] } }), "spec.tolerationz", "tolerations"),
        (
            json!({ "spec": { "tolerations": [{ "kee": "x" }] } }),
            "spec.tolerations[0].kee",
            "correct its name",
        ),
        (json!({ "spec": { "tolerations": "all" } }), "spec", "invalid type"),
        (
            json!({ "spec": { "nodeSelector": { "$patch": "replace" } } }),
            "spec.nodeSelector.$patch",
            "$patch: delete",
        ),
        (
            json!({ "spec": { "tolerations": [{ "key": "x", "$patch": "delete" }] } }),
            "spec.tolerations.$patch",
            "[{ $patch: replace }]",
        ),
        (
            json!({ "spec": { "terminationGracePeriodSeconds": 10 } }),
            "spec.terminationGracePeriodSeconds",
            "40 or more",
        ),
        (
            json!({ "spec": { "volumes": [{ "name": "signing-keys", "emptyDir": {} }] } }),
            "spec.volumes[0].name",
            "another name",
        ),
    ] {
        let refused = refused(value.clone());
        assert_eq!(refused.field, format!("userService.podTemplate.{field}"), "{value}");
        assert!(refused.why.contains(why), "{refused}");
    }
}

#[test]
fn what_is_the_operators_in_a_container_is_refused_and_named() {
    let of_own = |fields: Value| {
        let mut container = json!({ "name": "user-service" });
        fields.as_object().unwrap().iter().for_each(|(name, value)| container[name] = value.clone());
        json!({ "spec": { "containers": [container] } })
    };
    for (value, field, why) in [
        (of_own(json!({ "image": "x" })), "spec.containers[user-service].image", "image"),
        (of_own(json!({ "resources": {} })), "spec.containers[user-service].resources", "resources"),
        (
            of_own(json!({ "command": ["sh"] })),
            "spec.containers[user-service].command",
            "env and volumeMounts",
        ),
        (
            of_own(json!({ "volumeMounts": [{ "name": "x", "mountPath": "/etc/ping/signing-keys/" }] })),
            "spec.containers[user-service].volumeMounts",
            "another path",
        ),
        (
            of_own(json!({ "volumeMounts": [{ "name": "x", "mountPath": "/etc/ping/signing-keys/more" }] })),
            "spec.containers[user-service].volumeMounts",
            "/etc/ping/signing-keys:",
        ),
        (
            of_own(json!({ "volumeMounts": [{ "name": "x", "mountPath": "/etc" }] })),
            "spec.containers[user-service].volumeMounts",
            "/etc/ping/signing-keys:",
        ),
        (
            json!({ "spec": { "containers": [{ "name": "redis", "image": "x" }] } }),
            "spec.containers[redis]",
            "use another",
        ),
        (
            json!({ "spec": { "initContainers": [{ "name": "user-service", "image": "x" }] } }),
            "spec.initContainers[user-service]",
            "use another",
        ),
    ] {
        let refused = refused(value.clone());
        assert_eq!(refused.field, format!("userService.podTemplate.{field}"), "{value}");
        assert!(refused.why.contains(why), "{refused}");
    }
}

#[test]
fn what_kubernetes_would_refuse_is_named_before_anything_is_changed() {
    let side = json!({ "name": "side", "image": "x" });
    let from = json!({ "secretKeyRef": { "name": "a", "key": "b" } });
    for (value, field, why) in [
        (json!({ "spec": { "containers": [{ "name": "side" }] } }), "spec.containers[side]", "image"),
        (json!({ "spec": { "containers": [side, side] } }), "spec.containers", "two entries"),
        (
            json!({ "spec": { "containers": [side], "initContainers": [side] } }),
            "spec.initContainers",
            "side",
        ),
        (
            json!({ "spec": { "volumes": [{ "name": "x", "emptyDir": {} }, { "name": "x", "emptyDir": {} }] } }),
            "spec.volumes",
            "two entries",
        ),
        (json!({ "env": [{ "name": "A", "value": "b", "valueFrom": from }] }), "env[A]", "leave one out"),
        (
            json!({ "env": [{ "name": "A", "valueFrom": { "secretKeyReff": {} } }] }),
            "env[A].valueFrom.secretKeyReff",
            "correct its name",
        ),
    ] {
        let refused = refused(value.clone());
        assert_eq!(refused.field, format!("userService.podTemplate.{field}"), "{value}");
        assert!(refused.why.contains(why), "{refused}");
    }
    // The name of a claim of other parts is free here.
    let data = json!({ "spec": { "volumes": [{ "name": "data", "emptyDir": {} }] } });
    assert!(plan_on(&fixtures::platform(), &with(data)).is_ok());
}
