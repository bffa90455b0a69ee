# Mail consumers follow the queue, by the operator's own external metrics.
# shellcheck shell=bash

METRICS=/apis/external.metrics.k8s.io/v1beta1
API_SERVICE=v1beta1.external.metrics.k8s.io

# backlog STACK: what the autoscaler is told.
backlog() { kubectl get --raw "$METRICS/namespaces/$NS/pingstack_mail_backlog?labelSelector=pingstack%3D$1" | jq -r '.items[0].value'; }

# queued STACK: what the broker says itself.
queued() { management "$1" GET /api/queues/ping/send-otp | jq .messages; }

consumers() { kubectl get deployment "$1-mail-service" --output 'jsonpath={.spec.replicas}'; }
consumers_are() { [[ $(consumers "$1") == "$2" ]]; }
at_least_consumers() { (($(consumers "$1") >= $2)); }
backlog_is() { [[ $(backlog "$1") == "$2" ]]; }
is_refused() { ! kubectl get --raw "$1"; }

# A stack whose mail server takes 2 mails a second on each connection.
start_slow_stack() { # [JQ-FILTER]
    start_neighbours
    kubectl run slow-mail --image localhost/ping/redis:8 --overrides "$(jq '.spec | {spec: (. + {
        containers: [.containers[0] + {name: "slow-mail", command: ["perl", "/e2e/slow-mail"]}]})}' <<<"$(kubectl get pod client --output json |
        jq '{spec: {automountServiceAccountToken, enableServiceLinks, terminationGracePeriodSeconds, securityContext: .spec.securityContext,
            containers: [.spec.containers[0] | del(.volumeMounts[] | select(.mountPath | startswith("/var/run")))],
            volumes: [.spec.volumes[] | select(.configMap or .emptyDir)]}}')")"
    kubectl expose pod slow-mail --port 1025
    kubectl wait pod/slow-mail --for condition=Ready --timeout 60s
    stack demo '.spec.smtp.host = "slow-mail" | .spec.mailService.concurrency = 2
        | .spec.mailService.autoscaling = {maxReplicas: 6, messagesPerReplica: 100, scaleDownStabilizationSeconds: 15}' |
        jq "${1:-.}" | kubectl apply --filename -
    wait_ready demo
    kubectl wait "apiservice/$API_SERVICE" --for condition=Available --timeout 60s
    wait_reason demo AutoscalingReady FollowsQueue
}

delivered() { kubectl logs slow-mail | awk '{print $2}' | sort; }
all_delivered() { [[ ! $(comm -23 <(awk '$1 == 200 {print $2}' "$1" | sort -u) <(delivered | sort -u)) ]]; } # LOGINS
none_twice() { [[ ! $(delivered | uniq -d) ]]; }

consumers_follow_the_queue_and_nothing_is_lost_or_doubled() { # case
    local logins=$LOGS/$NS.logins number
    start_slow_stack
    consumers_are demo 1
    kubectl exec slow-mail -- touch /tmp/hold
    kubectl exec client -- bash /e2e/client burst demo-user-service follow 550 >"$logins"
    number=$(grep -c '^200 ' "$logins")
    ((number == 550))
    eventually 20 "the metric to be what the broker holds" backlog_is demo "$number"
    [[ $(queued demo) == "$number" ]]
    eventually 30 "as many consumers as the formula gives" consumers_are demo 6
    kubectl get hpa demo-mail-service
    kubectl exec slow-mail -- rm /tmp/hold
    # Broker away in the middle: the number of consumers holds.
    kubectl rollout status deployment/demo-mail-service --timeout 120s
    kubectl delete pod demo-rabbitmq-0
    eventually 30 "the autoscaler to be told that nobody knows" is_refused "$METRICS/namespaces/$NS/pingstack_mail_backlog?labelSelector=pingstack%3Ddemo"
    consumers_are demo 6
    eventually 240 "every login's mail" all_delivered "$logins"
    eventually 60 "the metric to be 0" backlog_is demo 0
    eventually 240 "the consumers to go back to one" consumers_are demo 1
    # One broker killed may double a mail whose 250 came at that moment, at most one per connection.
    (($(delivered | uniq -d | wc -l) <= 12))
}
