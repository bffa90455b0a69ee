# From one object to a person who is signed in.
# shellcheck shell=bash

the_minimal_sample_signs_a_person_in() { # case
    kubectl create configmap client --from-file "$REPOSITORY/k8s/e2e/client"
    kubectl apply --filename "$REPOSITORY/k8s/e2e/client.yaml"
    kubectl apply --filename "$REPOSITORY/k8s/samples/pingstack-minimal.yaml"
    wait_ready demo
    kubectl get ping
    kubectl wait pod/client --for condition=Ready --timeout 60s
    sign_in demo ada@example.org
    # Nothing of the code or the address is in what the operator writes.
    fails has_line 'ada@example.org|OTP code is' kubectl get pingstack,events --output json
}

two_stacks_share_a_namespace() { # case
    start_neighbours
    apply_stack one
    apply_stack two
    wait_ready one
    wait_ready two
    sign_in one ada@example.org
    sign_in two bob@example.org
    # A code of one stack is worth nothing in the other.
    client post one-user-service /api/v1/login '{"email":"eve@example.org"}' | grep -q 'OTP has been sent'
    eventually 60 "mail to eve" code_for eve@example.org
    client post two-user-service /api/v1/verify-otp "{\"email\":\"eve@example.org\",\"otp\":\"$(code_for eve@example.org)\"}" | grep -q 'Invalid or expired OTP'
}

stacks_of_one_name_live_in_two_namespaces() { # case
    local first=$NS
    start_neighbours
    apply_stack demo
    make_namespace "$first-2"
    NS=$first-2
    start_neighbours
    apply_stack demo
    wait_ready demo
    sign_in demo bob@example.org
    NS=$first
    wait_ready demo
    sign_in demo ada@example.org
    [[ $(mailed) == ada@example.org ]]
}
