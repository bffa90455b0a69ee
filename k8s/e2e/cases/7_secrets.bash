# New passwords.
# shellcheck shell=bash

deleted_secrets_are_made_anew_and_the_stack_recovers() { # case
    start_neighbours
    apply_stack demo
    wait_ready demo
    for secret in $(kubectl get secrets --selector pingstack.dev/stack=demo --output name); do
        delete_and_get_back "$secret"
    done
    for workload in statefulset/demo-redis statefulset/demo-rabbitmq deployment/demo-user-service deployment/demo-mail-service; do
        kubectl rollout status "$workload" --timeout 240s
    done
    wait_ready demo
    eventually 60 "a login to work" sign_in demo ada@example.org
}

rotated_broker_passwords_refuse_no_login() { # case
    start_neighbours
    apply_stack demo
    wait_ready demo
    start_load demo rotate
    kubectl annotate pingstack demo pingstack.dev/rotate-broker-passwords=1
    kubectl wait secret/demo-broker-users-b --for create --timeout 60s
    kubectl wait secret/demo-broker-users-a --for delete --timeout 300s
    stop_load
    none_refused
    nothing_lost
    management demo GET users | jq -e --arg stack "$NS.demo" '[.[].name | select(startswith($stack))] | all(endswith(".b")) and length == 3'
    # And back again.
    kubectl annotate --overwrite pingstack demo pingstack.dev/rotate-broker-passwords=2
    kubectl wait secret/demo-broker-users-b --for delete --timeout 300s
    sign_in demo ada@example.org
}
