# A stack goes, and comes back.
# shellcheck shell=bash

OWN_KINDS=secrets,serviceaccounts,configmaps,services,networkpolicies,poddisruptionbudgets,deployments,statefulsets,pods

has_none() { [[ ! $(kubectl get "$1" --selector pingstack.dev/stack=demo --output name) ]]; } # KINDS

a_deleted_stack_leaves_its_volumes_and_finds_them_again() { # case
    local volumes pepper
    start_neighbours
    apply_stack demo
    wait_ready demo
    pepper=$(kubectl get secret demo-user-service --output 'jsonpath={.data.otp-pepper}')
    volumes=$(kubectl get pvc --output 'jsonpath={.items[*].metadata.uid}')
    kubectl delete pingstack demo --wait
    eventually 180 "everything to be gone" has_none "$OWN_KINDS"
    [[ $(kubectl get pvc --output 'jsonpath={.items[*].metadata.uid}') == "$volumes" ]]
    apply_stack demo
    wait_ready demo
    sign_in demo ada@example.org
    [[ $(kubectl get pvc --output 'jsonpath={.items[*].metadata.uid}') == "$volumes" ]]
    [[ $(kubectl get secret demo-user-service --output 'jsonpath={.data.otp-pepper}') != "$pepper" ]]
}

a_stack_that_retains_nothing_takes_its_volumes_along() { # case
    start_neighbours
    apply_stack demo '.spec.retentionPolicy = "Delete"'
    wait_ready demo
    kubectl delete pingstack demo --wait
    eventually 180 "everything to be gone" has_none "$OWN_KINDS"
    eventually 60 "the volumes to be gone" has_none pvc
}

a_stack_can_be_deleted_while_the_operator_is_down() { # case
    start_neighbours
    apply_stack demo
    wait_ready demo
    operator scale deployment/ping-operator --replicas 0
    operator wait pod --selector app.kubernetes.io/name=ping-operator --for delete --timeout 60s
    kubectl delete pingstack demo --wait --timeout 30s
    eventually 180 "everything to be gone" has_none "$OWN_KINDS"
    operator scale deployment/ping-operator --replicas 2
    operator rollout status deployment/ping-operator --timeout 120s
}
