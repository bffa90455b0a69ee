# Changes of the spec, under logins.
# shellcheck shell=bash

changed_services_roll_without_a_refused_login() { # case
    start_neighbours
    apply_stack demo
    wait_ready demo
    start_load demo roll
    patch_stack demo '{"spec":{"login":{"maxAttempts":4},"userService":{"replicas":3},"mailService":{"concurrency":8}}}'
    eventually 60 "the new settings" deployment_has demo-user-service LOGIN_MAX_ATTEMPTS 4
    kubectl rollout status deployment/demo-user-service --timeout 180s
    kubectl rollout status deployment/demo-mail-service --timeout 180s
    stop_load
    none_refused
    nothing_lost
    [[ $(kubectl get deployment demo-user-service --output 'jsonpath={.status.readyReplicas}') == 3 ]]
}

deployment_has() { # DEPLOYMENT VARIABLE VALUE
    kubectl get deployment "$1" --output json | jq -e --arg name "$2" --arg value "$3" 'any(.spec.template.spec.containers[0].env[]; .name == $name and .value == $value)'
}
