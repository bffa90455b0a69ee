# Sourced by many: the operator, a namespace NS, and in it Mailpit, an external Redis and an external broker.
# shellcheck shell=bash

EXTERNAL=$REPOSITORY/tests/cluster/src/neighbours/external

kubectl() { command "$KUBECTL" --namespace "$NS" "$@"; }
operator() { command "$KUBECTL" --namespace "$OPERATOR_NAMESPACE" "$@"; }
eventually() { local deadline=$((SECONDS + $1)) what=$2; shift 2; until "$@" >/dev/null 2>&1; do ((SECONDS < deadline)) || fail "waited for: $what"; sleep 2; done; }

# restricted NAMESPACE: creates it, with the Pod Security Standard under which stacks run everywhere.
restricted() {
    command "$KUBECTL" create namespace "$1" --dry-run=client --output yaml | command "$KUBECTL" apply --filename -
    command "$KUBECTL" label --overwrite namespace "$1" pod-security.kubernetes.io/enforce=restricted
}

prepare_stage() {
    restricted "$OPERATOR_NAMESPACE"
    "$HELM" upgrade --install ping-operator "$REPOSITORY/charts/ping-operator" --namespace "$OPERATOR_NAMESPACE" \
        --force-conflicts --set crds.keep=false --wait --timeout 180s
    operator rollout restart deployment/ping-operator
    operator rollout status deployment/ping-operator --timeout 180s
    restricted "$NS"
    # The minimal sample without its stack.
    sed '0,/^---$/d' "$REPOSITORY/k8s/samples/pingstack-minimal.yaml" | kubectl apply --filename -
    kubectl rollout status deployment/mailpit --timeout 120s
    start_external_servers
}

leave_stage() {
    command "$KUBECTL" delete namespace "$NS" --timeout 600s >/dev/null
    "$HELM" uninstall ping-operator --namespace "$OPERATOR_NAMESPACE" --wait --timeout 120s >/dev/null
    command "$KUBECTL" delete namespace "$OPERATOR_NAMESPACE" --timeout 300s >/dev/null
}

start_external_servers() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=bench-ca -keyout "$LOGS/ca.key" -out "$LOGS/ca.pem"
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=servers -keyout "$LOGS/tls.key" -out "$LOGS/tls.csr"
    openssl x509 -req -in "$LOGS/tls.csr" -CA "$LOGS/ca.pem" -CAkey "$LOGS/ca.key" -CAcreateserial -days 2 -out "$LOGS/tls.crt" \
        -extfile <(printf 'subjectAltName=DNS:redis,DNS:broker,DNS:redis.%s.svc,DNS:broker.%s.svc\nextendedKeyUsage=serverAuth' "$NS" "$NS")
    kubectl create secret generic servers --from-file "$LOGS/ca.pem" --from-file "$LOGS/tls.crt" --from-file "$LOGS/tls.key"
    kubectl create configmap servers --from-file "$EXTERNAL/config"
    kubectl create secret generic redis-url --from-literal url=rediss://:external-password@redis:6380/3
    kubectl create secret generic broker-admin --from-literal username=owner --from-literal password=external-password
    kubectl apply --filename "$EXTERNAL/servers.yaml"
    kubectl wait pod/redis pod/broker --for condition=Ready --timeout 180s
}

# stacks FROM TO: PingStacks without limits and with small requests, each in a vhost of its own.
stacks() {
    local number
    for number in $(seq "$1" "$2"); do
        jq -n --arg name "many-$number" --arg url "https://broker.$NS.svc:15671" '{
            apiVersion: "pingstack.dev/v1alpha1", kind: "PingStack", metadata: {name: $name},
            spec: {
                login: {resendAfterSeconds: 0, limits: {codesPerAddress: 0, codesPerAddressPerDay: 0, loginsPerClient: 0, wrongCodesPerClient: 0, wrongCodesPerAddressPerDay: 0}},
                smtp: {host: "mailpit", port: 1025, tls: "None", from: "Ping <no-reply@example.org>"},
                redis: {external: {urlSecretRef: {name: "redis-url", key: "url"}, caSecretRef: {name: "servers", key: "ca.pem"}}},
                rabbitmq: {external: {host: "broker", vhost: $name, managementUrl: $url, adminSecretRef: {name: "broker-admin"}, tls: {caSecretRef: {name: "servers", key: "ca.pem"}}}},
                userService: {replicas: 1, resources: {requests: {cpu: "5m"}}},
                mailService: {autoscaling: {provider: "None"}, resources: {requests: {cpu: "5m"}}}
            }
        }'
    done
}

# What to look at first after a failure.
describe() {
    set +e
    kubectl get pingstacks,pods,events --output wide
    kubectl get pingstacks --output json | jq -c '.items[] | [.metadata.name, (.status.conditions[]? | [.type, .status, .reason, .message])]'
    operator logs --selector app.kubernetes.io/name=ping-operator --tail 50 --prefix
}
