# Sourced by run: what cases are written with. NS is the case's namespace.
# shellcheck shell=bash

OPERATOR_NAMESPACE=ping-e2e-operator

kubectl() { command "$KUBECTL" --namespace "$NS" "$@"; }
helm() { command "$HELM" "$@"; }

# A namespace per case; the length leaves room for what is appended.
namespace_of() { echo "e2e-$(cut -c1-40 <<<"${1//_/-}" | sed 's/-*$//')"; }

make_namespace() { # [NAME]
    local name=${1:-$NS}
    command "$KUBECTL" create namespace "$name"
    command "$KUBECTL" label namespace "$name" pod-security.kubernetes.io/enforce=restricted ping-e2e="$NS"
}

# Deleted, not waited for: the next case need not wait, and the end of the run does.
remove_namespaces() { command "$KUBECTL" delete namespace --selector "ping-e2e=$(namespace_of "$1")" --wait=false; }

# A namespace that stays is a finding too: whoever serves an API group and does not answer keeps all of them.
namespaces_are_gone() {
    [[ ${KEEP:-} ]] || command "$KUBECTL" wait namespace --selector ping-e2e --for delete --timeout 300s >/dev/null 2>&1 ||
        { echo "FAILED namespaces_are_gone"; command "$KUBECTL" get namespaces --selector ping-e2e; return 1; }
}

uninstall_operator() {
    helm uninstall ping-operator --namespace "$OPERATOR_NAMESPACE" --wait --timeout 120s >>"$LOGS/helm.log" 2>&1
    command "$KUBECTL" delete namespace "$OPERATOR_NAMESPACE" --timeout 300s >/dev/null
}

install_operator() { # [HELM-ARGUMENT…]
    command "$KUBECTL" create namespace "$OPERATOR_NAMESPACE" --dry-run=client --output yaml | command "$KUBECTL" apply --filename - >/dev/null
    command "$KUBECTL" label --overwrite namespace "$OPERATOR_NAMESPACE" pod-security.kubernetes.io/enforce=restricted >/dev/null
    # A case replaces the CRD, which makes kubectl an owner of its fields.
    helm upgrade --install ping-operator "$REPOSITORY/charts/ping-operator" --namespace "$OPERATOR_NAMESPACE" --force-conflicts \
        --set crds.keep=false --set neighbours.ingressNamespace=ingress-nginx --set neighbours.prometheusNamespace=monitoring --wait --timeout 180s "$@" >"$LOGS/helm.log" 2>&1 ||
        { cat "$LOGS/helm.log"; fail "the operator could not be installed: see what Helm says; what make up made is taken away by KEEP_CLUSTER=1 make down"; }
    operator rollout restart deployment/ping-operator >/dev/null
    operator rollout status deployment/ping-operator --timeout 180s >/dev/null
}

operator() { command "$KUBECTL" --namespace "$OPERATOR_NAMESPACE" "$@"; }

collect_operator_logs() { operator logs --selector app.kubernetes.io/name=ping-operator --tail -1 --prefix >"$LOGS/operator.log" 2>&1 || true; }

# What a person would look at first.
describe() {
    set +e
    kubectl get pingstacks,pods,pvc,events --output wide
    kubectl get pingstacks --output json | jq -c '.items[] | [.metadata.name, (.status.conditions[]? | [.type, .status, .reason, .message])]'
    kubectl logs --selector pingstack.dev/stack --tail 8 --prefix
}

# stack NAME [JQ-FILTER]: a PingStack without limits and with small requests, so that many fit on a node.
stack() {
    jq -n --arg name "$1" '{
        apiVersion: "pingstack.dev/v1alpha1", kind: "PingStack", metadata: {name: $name},
        spec: {
            login: {resendAfterSeconds: 0, limits: {codesPerAddress: 0, codesPerAddressPerDay: 0, loginsPerClient: 0, wrongCodesPerClient: 0, wrongCodesPerAddressPerDay: 0}},
            smtp: {host: "mailpit", port: 1025, tls: "None", from: "Ping <no-reply@example.org>"},
            redis: {managed: {storage: {size: "256Mi"}, resources: {requests: {cpu: "5m"}}}},
            rabbitmq: {managed: {storage: {size: "512Mi"}, resources: {requests: {cpu: "20m"}}}},
            userService: {resources: {requests: {cpu: "5m"}}},
            mailService: {resources: {requests: {cpu: "5m"}}}
        }
    }' | jq "${2:-.}"
}

apply_stack() { stack "$@" | kubectl apply --filename -; } # NAME [JQ-FILTER]
patch_stack() { kubectl patch pingstack "$1" --type merge --patch "$2"; } # NAME JSON

wait_ready() { kubectl wait "pingstack/$1" --for condition=Ready --timeout "${2:-240s}"; } # NAME [TIMEOUT]

# wait_reason NAME CONDITION REASON [TIMEOUT]
wait_reason() { kubectl wait "pingstack/$1" --for "jsonpath={.status.conditions[?(@.type==\"$2\")].reason}=$3" --timeout "${4:-120s}"; }

message_of() { kubectl get pingstack "$1" --output "jsonpath={.status.conditions[?(@.type==\"$2\")].message}"; } # NAME CONDITION

# in_background NAMESPACE ARGUMENT…: $! is kubectl itself then, not a shell that would leave it behind when it is ended.
in_background() { "$KUBECTL" --namespace "$@" & }

# fails COMMAND…: `! command` alone would not end a case.
fails() { if "$@"; then return 1; fi; }
has_line() { "${@:2}" | grep -E "$1"; } # REGULAR-EXPRESSION COMMAND…

# eventually SECONDS WHAT COMMAND…: for what no watch tells of. Three times as long as it may take: a busy machine is no fault.
eventually() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    { set +x; } 2>/dev/null
    until "$@" >/dev/null 2>&1; do
        if ((SECONDS >= deadline)); then
            echo "waited for: $what" >&2
            "$@" || true
            return 1
        fi
        sleep 0.5
    done
    set -x
}

# The mail server of the minimal sample and a pod that signs in. Both are the user's, not the stack's.
start_neighbours() {
    kubectl create configmap client --from-file "$REPOSITORY/k8s/e2e/client"
    sed '0,/^---$/d' "$REPOSITORY/k8s/samples/pingstack-minimal.yaml" | kubectl apply --filename -
    kubectl apply --filename "$REPOSITORY/k8s/e2e/client.yaml"
    kubectl rollout status deployment/mailpit --timeout 120s
    kubectl wait pod/client --for condition=Ready --timeout 120s
}

client() { kubectl exec client -- bash /e2e/client "$@"; }

# mailpit PATH: GET of Mailpit's API, through the API server.
mailpit() { kubectl get --raw "/api/v1/namespaces/$NS/services/mailpit:8025/proxy/api/v1/$1"; }

# Every address that got a mail, once.
mailed() { mailpit 'messages?limit=50000' | jq -r '.messages[].To[].Address' | sort -u; }

# code_for ADDRESS: the code in its newest mail.
code_for() { mailpit "search?query=to:$1&limit=1" | jq -r '.messages[0].Snippet' | grep -oE '[0-9]{6}'; }

# sign_in STACK ADDRESS: login, mail, verify; fails unless a token comes back. Each step by itself, since `eventually` has
# errexit switched off: a refused login is not followed by a wait for its mail.
sign_in() {
    local code
    client post "$1-user-service" /api/v1/login "{\"email\":\"$2\"}" | grep -q 'OTP has been sent' || return 1
    eventually 60 "mail to $2" code_for "$2" || return 1
    code=$(code_for "$2") || return 1
    client post "$1-user-service" /api/v1/verify-otp "{\"email\":\"$2\",\"otp\":\"$code\"}" | grep -q '"token"'
}

# start_load STACK PREFIX: logs in every 50 ms in the background; stop_load ends it. LOAD holds lines of status and address.
start_load() {
    LOAD=$LOGS/$NS.$2.load
    kubectl exec client -- bash /e2e/client load "$1-user-service" "$2" >"$LOAD" 2>"$LOAD.errors" &
    LOAD_PID=$!
    eventually 30 "the first login" grep -q '^200' "$LOAD"
}

stop_load() {
    kubectl exec client -- touch /tmp/stop
    wait "$LOAD_PID"
    kubectl exec client -- rm /tmp/stop
    echo "logins: $(cut -d' ' -f1 "$LOAD" | sort | uniq -c | xargs)"
}

none_refused() { # fails if any login of the load was answered other than 200
    if grep -v '^200 ' "$LOAD"; then return 1; fi
    (($(wc -l <"$LOAD") > 20))
}

# confirmed_are_mailed: everyone who was answered 200 has a mail.
confirmed_are_mailed() { [[ ! $(comm -23 <(awk '$1 == 200 {print $2}' "$LOAD" | sort -u) <(mailed)) ]]; }
nothing_lost() { eventually "${1:-120}" "a mail for every login that was answered 200" confirmed_are_mailed; }

# management STACK METHOD PATH [BODY]: the broker's own API, from inside its pod, as its administrator.
management() {
    local password
    password=$(kubectl get secret "$1-rabbitmq" --output 'jsonpath={.data.password}' | base64 -d)
    kubectl exec -i "$1-rabbitmq-0" -- env AUTH="ping-operator:$password" bash -s -- "$2" "$3" "${4:-}" <"$REPOSITORY/k8s/e2e/management"
}

uid_of() { kubectl get "$1" --output 'jsonpath={.metadata.uid}'; } # KIND/NAME
is_new() { # KIND/NAME OLD-UID: it is there, and is another one
    local uid
    uid=$(uid_of "$1") && [[ $uid && $uid != "$2" ]]
}

# delete_and_get_back KIND/NAME: deletes an object of a stack; the operator makes it again, within 60 s where nothing else runs.
delete_and_get_back() {
    local before began=$SECONDS
    before=$(uid_of "$1")
    kubectl delete "$1" --wait=false
    eventually 180 "$1 to come back" is_new "$1" "$before"
    echo "$1 was back after $((SECONDS - began)) s"
}

has_event() { kubectl get events --field-selector "reason=$1" --output json | jq -e --arg text "$2" 'any(.items[]; .message | contains($text))'; } # REASON TEXT
