# The operator itself.
# shellcheck shell=bash

a_paused_stack_is_left_alone_and_still_reports() { # case
    start_neighbours
    apply_stack demo
    wait_ready demo
    patch_stack demo '{"spec":{"paused":true,"userService":{"replicas":1}}}'
    wait_reason demo Paused Paused
    [[ $(kubectl get deployment demo-user-service --output 'jsonpath={.spec.replicas}') == 2 ]]
    kubectl delete deployment demo-mail-service --wait
    wait_reason demo MailServiceReady Missing
    patch_stack demo '{"spec":{"paused":false}}'
    kubectl wait deployment/demo-mail-service --for create --timeout 60s
    wait_ready demo
    [[ $(kubectl get deployment demo-user-service --output 'jsonpath={.spec.replicas}') == 1 ]]
}

every_cause_of_not_being_ready_is_named() { # case
    start_neighbours
    apply_stack image '.spec.userService.image = "localhost/ping/no-such-image:1"'
    apply_stack volume '.spec.redis.managed.storage.storageClassName = "no-such-class"'
    apply_stack smtp '.spec.smtp.tls = "StartTls" | .spec.smtp.credentialsSecretRef.name = "mail-login"'
    apply_stack proxy '.spec.login.trustedProxies = ["10.0.0.0/99"]'
    wait_reason smtp Ready SecretMissing
    message_of smtp Ready | grep -q 'Secret mail-login'
    wait_reason proxy Ready InvalidSpec
    wait_reason volume RedisReady VolumePending 180s
    wait_reason image UserServiceReady ImagePull 180s
    message_of image UserServiceReady | grep -q 'localhost/ping/no-such-image:1'
    # What was missing is found once it is there, without a change of the stack.
    kubectl create secret generic mail-login --from-literal EMAIL_USER=u --from-literal EMAIL_PASSWORD=p
    eventually 60 "the stack to go on" kubectl get statefulset smtp-redis
}

a_quota_is_named() { # case
    kubectl create quota small --hard pods=1
    apply_stack demo
    wait_reason demo UserServiceReady QuotaExceeded 180s
    wait_reason demo RabbitMQReady QuotaExceeded 180s
}

an_unreadable_stack_does_not_stop_the_others() { # case
    local crd=pingstacks.pingstack.dev served
    start_neighbours
    # As if it had been stored before a field changed its type: the schema is opened for a moment.
    served=$(kubectl get crd "$crd" --output json)
    jq '.spec.versions[0].schema.openAPIV3Schema.properties.spec = {type: "object", "x-kubernetes-preserve-unknown-fields": true}
        | .spec.versions[0].schema.openAPIV3Schema |= del(."x-kubernetes-validations")' <<<"$served" | kubectl replace --filename -
    eventually 30 "the unreadable stack to be stored" store_unreadable
    jq 'del(.metadata.resourceVersion)' <<<"$served" | kubectl replace --filename -
    operator rollout restart deployment/ping-operator
    operator rollout status deployment/ping-operator --timeout 120s
    apply_stack demo
    wait_ready demo
    # It says so where its author looks.
    eventually 60 "the Event on the unreadable stack" has_event Unreadable "cannot read the object"
}

store_unreadable() { stack unreadable '.spec.login.limits = "none" | .spec.smtp = 7' | kubectl apply --filename -; }

only_watched_namespaces_are_reconciled() { # case
    local watched=$NS-watched
    make_namespace "$watched"
    install_operator --set "watchNamespaces={$watched}"
    # Rights are given in that namespace only.
    fails operator auth can-i get secrets --namespace default --as "system:serviceaccount:$OPERATOR_NAMESPACE:ping-operator"
    start_neighbours
    apply_stack ignored
    NS=$watched
    start_neighbours
    apply_stack demo
    wait_ready demo
    sign_in demo ada@example.org
    NS=${watched%-watched}
    # What an object has that no operator has read.
    [[ $(kubectl get pingstack ignored --output 'jsonpath={.status}') == '{"conditions":[],"observedGeneration":-1}' ]]
    install_operator --set watchNamespaces=null
}
