# One broker becomes three.
# shellcheck shell=bash

three_brokers_survive_the_loss_of_any_one() { # case
    local ordinal
    start_neighbours
    apply_stack demo
    wait_ready demo
    start_load demo grow
    patch_stack demo '{"spec":{"rabbitmq":{"managed":{"replicas":3}}}}'
    kubectl rollout status statefulset/demo-rabbitmq --timeout 240s
    wait_reason demo TopologyReady Applied 240s
    eventually 60 "three members" members_are 3
    for ordinal in 0 1 2; do
        kill_pod "demo-rabbitmq-$ordinal"
        eventually 120 "a login after broker $ordinal was killed" accepts_logins
        wait_reason demo TopologyReady Applied 120s
    done
    stop_load
    nothing_lost
    eventually 60 "three members" members_are 3
}

members_are() { # COUNT
    [[ $(management demo GET queues/ping/send-otp | jq '.members | length') == "$1" ]]
}
