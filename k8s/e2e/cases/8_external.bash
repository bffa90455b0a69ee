# Servers that exist, by TLS, shared with others.
# shellcheck shell=bash

external_servers_by_tls_serve_a_stack_and_are_left_to_others() { # case
    local spec
    start_neighbours
    start_external_servers
    # What belongs to others on the same broker: another vhost, a queue in it, a user.
    broker_api PUT vhosts/others '{}'
    broker_api PUT queues/others/theirs '{"durable":true}'
    broker_api PUT users/their-user '{"password":"x","tags":""}'
    spec='.spec.redis = {external: {urlSecretRef: {name: "redis-url", key: "url"}, caSecretRef: {name: "servers", key: "ca.pem"}}}
        | .spec.rabbitmq = {external: {host: "broker", vhost: "mine", managementUrl: $url, adminSecretRef: {name: "broker-admin"}, tls: {caSecretRef: {name: "servers", key: "ca.pem"}}}}'
    apply_stack demo "${spec//\$url/\"https://broker.$NS.svc:15671\"}"
    wait_ready demo
    sign_in demo ada@example.org
    fails has_line . kubectl get statefulsets --selector pingstack.dev/stack=demo --output name
    # Somebody else's stack may not take the vhost.
    apply_stack rival "${spec//\$url/\"https://broker.$NS.svc:15671\"}"
    wait_reason rival TopologyReady TopologyConflict
    kubectl delete pingstack demo rival --wait
    eventually 120 "the services to be gone" has_none "$OWN_KINDS"
    broker_api GET queues/others/theirs
    broker_api GET users/their-user
    # What is external stays, mail and all; whoever applies the stack again finds it.
    broker_api GET queues/mine/send-otp
    apply_stack demo "${spec//\$url/\"https://broker.$NS.svc:15671\"}"
    wait_ready demo
    sign_in demo bob@example.org
}

start_external_servers() {
    local folder=$LOGS/$NS.tls
    mkdir -p "$folder"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=e2e-ca -keyout "$folder/ca.key" -out "$folder/ca.pem"
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=servers -keyout "$folder/tls.key" -out "$folder/tls.csr"
    openssl x509 -req -in "$folder/tls.csr" -CA "$folder/ca.pem" -CAkey "$folder/ca.key" -CAcreateserial -days 2 -out "$folder/tls.crt" \
        -extfile <(printf 'subjectAltName=DNS:redis,DNS:broker,DNS:redis.%s.svc,DNS:broker.%s.svc\nextendedKeyUsage=serverAuth' "$NS" "$NS")
    kubectl create secret generic servers --from-file "$folder/ca.pem" --from-file "$folder/tls.crt" --from-file "$folder/tls.key"
    kubectl create configmap servers --from-file "$REPOSITORY/k8s/e2e/external"
    kubectl create secret generic redis-url --from-literal url=rediss://:external-password@redis:6380/3
    kubectl create secret generic broker-admin --from-literal username=owner --from-literal password=external-password
    kubectl apply --filename "$REPOSITORY/k8s/e2e/external.yaml"
    kubectl wait pod/redis pod/broker --for condition=Ready --timeout 180s
}

broker_api() { # METHOD PATH [BODY]
    kubectl exec -i broker -- env AUTH=owner:external-password bash -s -- "$1" "$2" "${3:-}" <"$REPOSITORY/k8s/e2e/management"
}
