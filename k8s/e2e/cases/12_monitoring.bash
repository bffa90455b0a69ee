# What Prometheus is told of a stack.
# shellcheck shell=bash

MONITORING_KINDS=(ServiceMonitor PrometheusRule)

# The kinds of the Prometheus operator, without its schemas: what the objects hold is checked by unit tests.
monitoring_crds() {
    local kind
    for kind in "${MONITORING_KINDS[@]}"; do
        jq -n --arg kind "$kind" --arg singular "${kind,,}" '{
            apiVersion: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition",
            metadata: {name: "\($singular)s.monitoring.coreos.com", labels: {"ping-e2e": "monitoring"}},
            spec: {
                group: "monitoring.coreos.com", scope: "Namespaced",
                names: {kind: $kind, singular: $singular, plural: "\($singular)s"},
                versions: [{name: "v1", served: true, storage: true,
                    schema: {openAPIV3Schema: {type: "object", "x-kubernetes-preserve-unknown-fields": true}}}]
            }
        }'
    done
}

no_monitoring() { fails kubectl get servicemonitor,prometheusrule demo --output name; }
no_monitoring_condition() { [[ ! $(message_of demo MonitoringReady) ]]; }
metrics_of() { kubectl get --raw "/api/v1/namespaces/$1/services/$2:management/proxy/metrics"; } # NAMESPACE SERVICE

monitoring_is_made_where_its_kinds_are_and_reported_where_they_are_not() { # case
    local uid
    start_neighbours
    apply_stack demo '.spec.monitoring = {serviceMonitor: true, prometheusRule: true, labels: {release: "prometheus"}}'
    wait_ready demo
    if fails kubectl get crd servicemonitors.monitoring.coreos.com; then
        wait_reason demo MonitoringReady PrometheusOperatorMissing
        message_of demo MonitoringReady | grep 'install the Prometheus operator'
        monitoring_crds | kubectl apply --filename -
    fi
    wait_reason demo MonitoringReady Applied
    uid=$(kubectl get pingstack demo --output 'jsonpath={.metadata.uid}')
    for kind in "${MONITORING_KINDS[@]}"; do
        kubectl get "$kind" demo --output json |
            jq -e --arg uid "$uid" '.metadata.ownerReferences[0].uid == $uid and .metadata.labels.release == "prometheus"'
    done
    kubectl get prometheusrule demo --output json |
        jq -e --arg own "{namespace=\"$NS\",pingstack=\"demo\"" '[.spec.groups[].rules[].expr] | length > 5 and all(contains($own))'
    # What the ServiceMonitor points at answers.
    sign_in demo ada@example.org
    metrics_of "$NS" demo-mail-service | grep -E '^ping_mail_age_seconds_count [1-9]'
    metrics_of "$NS" demo-user-service | grep -E '^ping_login_requests_total\{outcome="sent"\} '
    metrics_of "$OPERATOR_NAMESPACE" ping-operator | grep -E "^pingstack_mail_consumers\{namespace=\"$NS\",pingstack=\"demo\"\} "
    patch_stack demo '{"spec":{"monitoring":{"serviceMonitor":false,"prometheusRule":false}}}'
    eventually 60 "both to be gone" no_monitoring
    eventually 60 "the condition to be gone" no_monitoring_condition
    kubectl delete crd --selector ping-e2e=monitoring
}
