# Pods die under logins.
# shellcheck shell=bash

killed_servers_lose_no_confirmed_mail() { # case
    local pod round
    start_neighbours
    apply_stack demo
    wait_ready demo
    start_load demo kill
    # Twice each: the first start on a volume and the second are different things to RabbitMQ.
    for round in 1 2; do
        for pod in demo-rabbitmq-0 demo-redis-0; do
            kill_pod "$pod"
            eventually 120 "a login after $pod was killed, round $round" accepts_logins
        done
    done
    operator delete pod --selector app.kubernetes.io/name=ping-operator --wait=false
    eventually 60 "a login after the operator was killed" accepts_logins
    stop_load
    nothing_lost
    operator rollout status deployment/ping-operator --timeout 120s
    wait_ready demo
}

kill_pod() { # POD: with a second of grace, and waits until its successor serves
    local before
    before=$(uid_of "pod/$1")
    kubectl delete pod "$1" --grace-period 1 --wait
    eventually 60 "a successor of $1" is_new "pod/$1" "$before"
    kubectl wait "pod/$1" --for condition=Ready --timeout 120s
}

# The load's newest login went through.
accepts_logins() { tail -n 1 "$LOAD" | grep -q '^200'; }

the_other_replica_takes_over() { # case
    local holder began
    start_neighbours
    apply_stack demo
    wait_ready demo
    holder=$(operator get lease ping-operator --output 'jsonpath={.spec.holderIdentity}')
    began=$SECONDS
    operator delete pod "$holder" --grace-period 0 --force
    eventually 60 "another holder of the lease" held_by_another "$holder"
    echo "took over after $((SECONDS - began)) s"
    delete_and_get_back service/demo-user-service
}

held_by_another() { # HOLDER
    local holder
    holder=$(operator get lease ping-operator --output 'jsonpath={.spec.holderIdentity}')
    [[ $holder && $holder != "$1" ]]
}
