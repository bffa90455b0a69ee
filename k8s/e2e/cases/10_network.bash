# Who may reach whom. Whether the cluster enforces it is the cluster's business and not tested here.
# shellcheck shell=bash

network_policies_let_in_whom_they_should_and_nobody_else() { # case
    start_neighbours
    apply_stack demo
    wait_ready demo
    (cd "$REPOSITORY/k8s/e2e/policies" && go build -o "$LOGS/policies" .)
    kubectl get networkpolicies --output json |
        "$LOGS/policies" "$NS" demo "$OPERATOR_NAMESPACE" "$REPOSITORY/k8s/e2e/policies/reach.txt"
    patch_stack demo '{"spec":{"networkPolicy":{"enabled":false}}}'
    kubectl wait networkpolicy --selector pingstack.dev/stack=demo --for delete --timeout 60s
}
