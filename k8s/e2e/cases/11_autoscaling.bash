# Mail consumers follow the queue, by the operator's own external metrics.
# shellcheck shell=bash

METRICS=/apis/external.metrics.k8s.io/v1beta1
API_SERVICE=v1beta1.external.metrics.k8s.io

# backlog STACK: what the autoscaler is told.
backlog() { kubectl get --raw "$METRICS/namespaces/$NS/pingstack_mail_backlog?labelSelector=pingstack%3D$1" | jq -r '.items[0].value'; }

# queued STACK: what the broker says itself.
queued() { management "$1" GET queues/ping/send-otp | jq .messages; }

consumers() { kubectl get deployment "$1-mail-service" --output 'jsonpath={.spec.replicas}'; }
consumers_are() { [[ $(consumers "$1") == "$2" ]]; }
at_least_consumers() { (($(consumers "$1") >= $2)); }
backlog_is() { [[ $(backlog "$1") == "$2" ]]; }
only_backlog_is_of() { kubectl get --raw "$METRICS/namespaces/$NS/pingstack_mail_backlog" | jq -e --arg stack "$1" '[.items[].metricLabels.pingstack] == [$stack]'; }
is_refused() { fails kubectl get --raw "$1"; }

# A stack whose mail server takes 2 mails a second on each connection.
start_slow_stack() {
    start_neighbours
    sed -e 's/name: client$/name: slow-mail/' -e 's|command: .*|command: [perl, /e2e/slow-mail]|' "$REPOSITORY/k8s/e2e/client.yaml" |
        sed 's/configMap: { name: slow-mail }/configMap: { name: client }/' | kubectl apply --filename -
    kubectl label pod slow-mail app=slow-mail
    kubectl expose pod slow-mail --port 1025
    kubectl wait pod/slow-mail --for condition=Ready --timeout 60s
    stack demo '.spec.smtp.host = "slow-mail" | .spec.mailService.concurrency = 2
        | .spec.mailService.autoscaling = {maxReplicas: 8, messagesPerReplica: 100, scaleDownStabilizationSeconds: 15}' | kubectl apply --filename -
    wait_ready demo
    kubectl wait "apiservice/$API_SERVICE" --for condition=Available --timeout 60s
    wait_reason demo AutoscalingReady FollowsQueue
}

delivered() { kubectl logs slow-mail | awk '{print $2}' | sort; }
is_delivered() { [[ ! $(comm -23 <(awk '$1 == 200 {print $2}' "$1" | sort -u) <(delivered | sort -u)) ]]; } # LOGINS

# watch_backlog STACK: a line of second, backlog (- while nobody knows it) and consumers each second, to $LOGS/$NS.samples,
# as long as there is a stack.
watch_backlog() {
    local number
    { set +x; } 2>/dev/null
    while number=$(consumers "$1" 2>/dev/null); do
        echo "$SECONDS $(backlog "$1" 2>/dev/null || echo -) $number"
        read -r -t 1 <> <(:) || true
    done >"$LOGS/$NS.samples"
}

# first_second AWK-CONDITION: of the samples.
first_second() { awk "$1 {print \$1; exit}" "$LOGS/$NS.samples"; }

# The figures of one run, and its picture.
report() { # LOGINS
    local began full many empty
    began=$(first_second '$2 > 0') full=$(first_second '$2 > 700') many=$(first_second '$3 == 8')
    empty=$(awk '$2 > 0 {last = $1} END {print last}' "$LOGS/$NS.samples")
    echo "logins answered 200: $(grep -c '^200 ' "$1"); most mails queued: $(awk '$2 > most {most = $2} END {print most}' "$LOGS/$NS.samples")"
    echo "8 consumers $((many - full)) s after the depth called for them; the queue was empty $((empty - began)) s after the first mail"
    "$REPOSITORY/k8s/e2e/picture" <"$LOGS/$NS.samples" >"$LOGS/autoscaling.svg"
}

three_thousand_logins_bring_consumers_and_lose_nothing() { # case
    local logins=$LOGS/$NS.logins watch leaving
    start_slow_stack
    consumers_are demo 1
    watch_backlog demo &
    watch=$!
    kubectl exec client -- bash /e2e/client burst demo-user-service follow 3000 >"$logins"
    (($(grep -c '^200 ' "$logins") == 3000))
    eventually 90 "as many consumers as the formula gives" consumers_are demo 8
    # Pods come and go: those that are told to stop finish or return what they hold.
    mapfile -t leaving < <(kubectl get pods --selector pingstack.dev/stack=demo,pingstack.dev/part=mail-service --output name)
    kubectl delete "${leaving[@]}" --wait=false
    # For a moment no mail is taken, so that two questions get the same answer.
    kubectl exec slow-mail -- touch /tmp/hold
    eventually 40 "the metric to be what the broker holds" agree demo
    kubectl get hpa demo-mail-service
    kubectl exec slow-mail -- rm /tmp/hold
    # They end by themselves: who goes on consuming is killed after 102 s.
    kubectl wait "${leaving[@]}" --for delete --timeout 40s
    eventually 300 "every login's mail" is_delivered "$logins"
    eventually 60 "the metric to be 0" backlog_is demo 0
    eventually 300 "the consumers to go back to one" consumers_are demo 1
    # It ends by itself when the API server is slow for once.
    kill "$watch" 2>/dev/null || true
    report "$logins"
    [[ ! $(delivered | uniq -d) ]]
}

agree() { # STACK
    local told
    told=$(backlog "$1")
    ((told > 0)) && [[ $told == "$(queued "$1")" ]]
}

consumers_hold_while_the_broker_is_away_and_then_go_on() { # case
    local logins=$LOGS/$NS.logins
    start_slow_stack
    kubectl exec client -- bash /e2e/client burst demo-user-service hold 500 >"$logins"
    eventually 90 "as many consumers as the formula gives" at_least_consumers demo 3
    kubectl delete pod demo-rabbitmq-0 --wait=false
    eventually 60 "the autoscaler to be told that nobody knows" is_refused "$METRICS/namespaces/$NS/pingstack_mail_backlog?labelSelector=pingstack%3Ddemo"
    at_least_consumers demo 3
    eventually 180 "the metric to be known again" backlog demo
    eventually 300 "every login's mail" is_delivered "$logins"
    eventually 300 "the consumers to go back to one" consumers_are demo 1
}

replicas_seen() { sort -u "$LOGS/$NS.replicas" | xargs; }

the_number_of_consumers_is_handed_over_without_a_jump() { # case
    local watch
    start_neighbours
    apply_stack demo '.spec.mailService.autoscaling = {provider: "None", minReplicas: 2}'
    wait_ready demo
    consumers_are demo 2
    kubectl scale deployment/demo-mail-service --replicas 4
    in_background "$NS" get deployment demo-mail-service --watch --output 'jsonpath={.spec.replicas}{"\n"}' >"$LOGS/$NS.replicas"
    watch=$!
    # Left alone although the object is applied again, then the autoscaler's, then nobody's again.
    patch_stack demo '{"spec":{"mailService":{"concurrency":3}}}'
    kubectl rollout status deployment/demo-mail-service --timeout 120s
    patch_stack demo '{"spec":{"mailService":{"autoscaling":{"provider":"Embedded","minReplicas":3,"scaleDownStabilizationSeconds":3600}}}}'
    kubectl wait hpa/demo-mail-service --for create --timeout 60s
    kubectl wait hpa/demo-mail-service --for condition=ScalingActive --timeout 90s
    wait_reason demo AutoscalingReady FollowsQueue
    patch_stack demo '{"spec":{"mailService":{"concurrency":4}}}'
    kubectl rollout status deployment/demo-mail-service --timeout 120s
    patch_stack demo '{"spec":{"mailService":{"autoscaling":{"provider":"None"}}}}'
    kubectl wait hpa/demo-mail-service --for delete --timeout 60s
    patch_stack demo '{"spec":{"mailService":{"concurrency":5}}}'
    kubectl rollout status deployment/demo-mail-service --timeout 120s
    kill "$watch"
    [[ $(replicas_seen) == 4 ]]
}

the_metrics_api_answers_the_front_proxy_alone() { # case
    local path=$METRICS/namespaces/$NS/pingstack_mail_backlog port learned forward
    start_neighbours
    apply_stack demo
    wait_ready demo
    wait_reason demo AutoscalingReady FollowsQueue
    kubectl get --raw "$METRICS" | jq -e '.resources[0].name == "pingstack_mail_backlog"'
    # The API server lists a new group when it gets round to it, and the replica that answers may read the queue a moment
    # after the one that wrote the condition.
    eventually 90 "the API server to list the metric" has_line pingstack_mail_backlog kubectl api-resources --api-group external.metrics.k8s.io
    eventually 30 "every replica to have read the queue" only_backlog_is_of demo
    # Who may not is told so, and what does not exist is not made up.
    is_refused "$METRICS/namespaces/nowhere/pingstack_mail_backlog"
    is_refused "$METRICS/namespaces/$NS/another_metric"
    { ! kubectl get --raw "$path" --as "system:serviceaccount:$NS:default" 2>&1; } | grep -q Forbidden
    # Past the API server, with its headers and without its certificate.
    in_background "$OPERATOR_NAMESPACE" port-forward deployment/ping-operator :8443 >"$LOGS/$NS.forward"
    forward=$!
    eventually 20 "the port to be forwarded" grep -q Forwarding "$LOGS/$NS.forward"
    port=$(sed -n 's/.*127.0.0.1:\([0-9]*\) .*/\1/p' "$LOGS/$NS.forward" | head -1)
    learned=$(curl --silent --insecure --max-time 10 --header 'X-Remote-User: admin' --header 'X-Remote-Group: system:masters' "https://127.0.0.1:$port$path" || true)
    # A connection that is reset ends it by itself.
    kill "$forward" 2>/dev/null || true
    [[ ! $learned ]]
}

no_api_service() { fails kubectl get apiservice "$API_SERVICE"; }

stop_operator() {
    operator scale deployment/ping-operator --replicas 0
    operator wait pod --selector app.kubernetes.io/name=ping-operator --for delete --timeout 60s
}

start_operator() {
    operator scale deployment/ping-operator --replicas 2
    operator rollout status deployment/ping-operator --timeout 120s
}

a_namespace_can_be_deleted_while_the_operator_is_down() { # case
    apply_stack demo
    kubectl wait "apiservice/$API_SERVICE" --for create --timeout 60s
    kubectl wait "apiservice/$API_SERVICE" --for condition=Available --timeout 60s
    make_namespace "$NS-other"
    stop_operator
    command "$KUBECTL" delete namespace "$NS-other" --wait --timeout 60s
    start_operator
    kubectl wait "apiservice/$API_SERVICE" --for create --timeout 60s
    kubectl wait "apiservice/$API_SERVICE" --for condition=Available --timeout 60s
}

somebody_elses_metrics_provider_is_left_alone_and_reported() { # case
    local theirs
    stop_operator
    eventually 60 "the last replica to take its APIService away" no_api_service
    kubectl create service clusterip provider --tcp 443:8443
    jq -n --arg name "$API_SERVICE" --arg ns "$NS" '{apiVersion: "apiregistration.k8s.io/v1", kind: "APIService", metadata: {name: $name},
        spec: {group: "external.metrics.k8s.io", version: "v1beta1", groupPriorityMinimum: 100, versionPriority: 100,
            insecureSkipTLSVerify: true, service: {name: "provider", namespace: $ns, port: 443}}}' | kubectl create --filename -
    theirs=$(kubectl get apiservice "$API_SERVICE" --output json | jq -S '{spec, uid: .metadata.uid, labels: .metadata.labels, owners: .metadata.ownerReferences}')
    start_operator
    apply_stack demo
    wait_reason demo AutoscalingReady ExternalMetricsProviderConflict
    message_of demo AutoscalingReady | grep -q "the Service provider in the namespace $NS"
    [[ $(kubectl get apiservice "$API_SERVICE" --output json | jq -S '{spec, uid: .metadata.uid, labels: .metadata.labels, owners: .metadata.ownerReferences}') == "$theirs" ]]
    kubectl delete apiservice "$API_SERVICE"
    kubectl wait "apiservice/$API_SERVICE" --for create --timeout 60s
    kubectl wait "apiservice/$API_SERVICE" --for condition=Available --timeout 60s
}

an_uninstall_leaves_no_api_service() { # case
    apply_stack demo
    kubectl wait "apiservice/$API_SERVICE" --for create --timeout 60s
    helm uninstall ping-operator --namespace "$OPERATOR_NAMESPACE" --wait --timeout 120s
    eventually 60 "the APIService to go with its owner" no_api_service
    install_operator
}
