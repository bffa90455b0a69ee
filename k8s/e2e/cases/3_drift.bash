# What others delete or change comes back; what is not ours is left alone.
# shellcheck shell=bash

every_deleted_child_comes_back_with_an_event() { # case
    local kinds=serviceaccounts,configmaps,services,networkpolicies,poddisruptionbudgets,deployments,statefulsets child
    start_neighbours
    apply_stack demo
    wait_ready demo
    for child in $(kubectl get "$kinds" --selector pingstack.dev/stack=demo --output name); do
        delete_and_get_back "$child"
    done
    # The status tells of it a moment later, so it may still say ready.
    for child in statefulset/demo-redis statefulset/demo-rabbitmq deployment/demo-user-service deployment/demo-mail-service; do
        kubectl rollout status "$child" --timeout 240s
    done
    wait_ready demo
    eventually 60 "an event" has_event Restored "the Deployment demo-user-service was gone"
    eventually 60 "an event" has_event Restored "the StatefulSet demo-rabbitmq was gone"
    eventually 60 "an event" has_event Restored "the NetworkPolicy demo-redis was gone"
    eventually 60 "a login to work" sign_in demo ada@example.org
}

a_changed_child_is_changed_back_with_an_event() { # case
    start_neighbours
    apply_stack demo
    wait_ready demo
    kubectl patch service demo-user-service --type merge --patch '{"spec":{"selector":{"pingstack.dev/part":"nobody"}}}'
    kubectl wait service/demo-user-service --for 'jsonpath={.spec.selector.pingstack\.dev/part}=user-service' --timeout 60s
    eventually 60 "an event" has_event Corrected "the Service demo-user-service was changed"
}

drift_on_the_broker_is_mended() { # case
    local began
    start_neighbours
    apply_stack demo
    wait_ready demo
    began=$SECONDS
    management demo DELETE queues/ping/send-otp
    management demo DELETE policies/ping/ping.send-otp
    management demo DELETE "users/$NS.demo.mail-service.a"
    eventually 180 "the queue" management demo GET queues/ping/send-otp
    eventually 30 "the policy" management demo GET policies/ping/ping.send-otp
    eventually 30 "the user" management demo GET "users/$NS.demo.mail-service.a"
    echo "mended after $((SECONDS - began)) s"
    eventually 60 "an event for the queue" has_event TopologyCorrected "create the queue 'send-otp'"
    eventually 60 "an event for the policy" has_event TopologyCorrected "create the policy 'ping.send-otp'"
    eventually 60 "an event for the user" has_event TopologyCorrected "create the user '$NS.demo.mail-service.a'"
    wait_ready demo
    eventually 60 "a login to work" sign_in demo ada@example.org
}

a_queue_with_other_arguments_is_a_conflict_and_keeps_its_messages() { # case
    start_neighbours
    apply_stack demo
    wait_ready demo
    patch_stack demo '{"spec":{"paused":true}}'
    wait_reason demo Paused Paused
    management demo DELETE queues/ping/send-otp.dead
    management demo PUT queues/ping/send-otp.dead '{"durable":true,"arguments":{"x-queue-type":"classic"}}'
    management demo POST exchanges/ping/amq.default/publish '{"properties":{"delivery_mode":2},"routing_key":"send-otp.dead","payload":"kept","payload_encoding":"string"}'
    patch_stack demo '{"spec":{"paused":false}}'
    wait_reason demo TopologyReady TopologyConflict
    message_of demo TopologyReady | grep -q 'send-otp.dead'
    management demo POST queues/ping/send-otp.dead/get '{"count":1,"ackmode":"ack_requeue_true","encoding":"auto"}' | grep -q kept
}

a_vhost_with_a_foreign_tag_is_a_conflict_and_untouched() { # case
    start_neighbours
    apply_stack demo
    wait_ready demo
    management demo PUT vhosts/ping '{"tags":["somebody/else/there"]}'
    wait_reason demo TopologyReady TopologyConflict
    message_of demo TopologyReady | grep -q 'somebody/else/there'
    management demo DELETE policies/ping/ping.send-otp
    # A spec change starts a pass at once; the policy must not come back by it.
    patch_stack demo '{"spec":{"login":{"codeTtlSeconds":240}}}'
    kubectl wait pingstack/demo --for 'jsonpath={.status.observedGeneration}=2' --timeout 60s
    fails management demo GET policies/ping/ping.send-otp
    management demo GET vhosts/ping | jq -e '.tags == ["somebody/else/there"]'
}

a_users_object_with_a_childs_name_is_left_alone() { # case
    local before after
    start_neighbours
    kubectl create service clusterip demo-redis --tcp 6379
    before=$(kubectl get service demo-redis --output json | jq -S '{metadata: (.metadata | del(.managedFields)), spec}')
    apply_stack demo
    wait_reason demo Ready NameConflict
    message_of demo Ready | grep -q 'Service demo-redis'
    after=$(kubectl get service demo-redis --output json | jq -S '{metadata: (.metadata | del(.managedFields)), spec}')
    [[ $before == "$after" ]]
    kubectl delete pingstack demo --wait
    kubectl get service demo-redis
}
