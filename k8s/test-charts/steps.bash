# Sourced by run: the steps, in order. Each builds upon those before.
# shellcheck shell=bash

# operator_chart ACTION CHARTS [ARGUMENT…]: installs or upgrades; the CRD may be another release's, and everybody's stacks need it.
operator_chart() {
    local action=$1 charts=$2
    shift 2
    helm "$action" ping-operator "$charts/ping-operator" --namespace "$OPERATOR" --take-ownership --force-conflicts --wait --timeout 180s "$@"
}

# stack_chart ACTION CHARTS [ARGUMENT…]: with --wait Helm waits for the condition Ready.
stack_chart() {
    local action=$1 charts=$2
    shift 2
    helm "$action" demo "$charts/pingstack" --namespace "$STACK" --set mailpit.enabled=true --wait --timeout 300s \
        --set redis.managed.resources.requests.cpu=5m --set rabbitmq.managed.resources.requests.cpu=20m \
        --set userService.resources.requests.cpu=5m --set mailService.resources.requests.cpu=5m --set userService.replicas=1 "$@"
}

# signs_in: helm test did a whole login, not only the part that needs no mail.
signs_in() {
    local said
    said=$(helm test demo --namespace "$STACK" --logs --timeout 300s)
    [[ $said == *"ok: the code is verified; the token's claims: {"* ]]
}

# without_crd NAMESPACE: everything of the operator's chart but the CRD, with which all stacks would go.
without_crd() {
    helm template ping-operator "$REPOSITORY/charts/ping-operator" --namespace "$1" --skip-tests --set crds.enabled=false
}

gone() { kubectl wait "$@" --for delete --timeout 120s; }
answers() { kubectl --namespace "$1" rollout status deployment/ping-operator --timeout 180s; } # NAMESPACE

describe() {
    kubectl get pods --namespace "$OPERATOR" --output wide
    kubectl get pingstacks,pods --namespace "$STACK"
    kubectl get events --namespace "$STACK" --output 'custom-columns=OBJECT:.involvedObject.name,REASON:.reason,MESSAGE:.message' | tail -15 | cut -c1-200
}

the_previous_chart_installs() { # step
    operator_chart install "$LOGS/previous/charts"
}

a_stack_installs_and_is_ready() { # step
    if [[ -d $LOGS/previous/charts/pingstack ]]; then
        stack_chart install "$LOGS/previous/charts"
    else
        stack_chart install "$REPOSITORY/charts"
    fi
    # Helm takes a PingStack that the operator has not looked at yet for done.
    kubectl wait pingstack demo --namespace "$STACK" --for condition=Ready --timeout 300s
}

helm_test_signs_in() { # step
    signs_in
}

this_chart_upgrades_the_previous_one() { # step
    local said
    operator_chart upgrade "$REPOSITORY/charts"
    said=$(helm test ping-operator --namespace "$OPERATOR" --logs --timeout 300s)
    [[ $said == *"ok: a replica reconciles"* ]]
    stack_chart upgrade "$REPOSITORY/charts" --set login.maxAttempts=4
    [[ $(kubectl get pingstack demo --namespace "$STACK" --output 'jsonpath={.spec.login.maxAttempts}') == 4 ]]
    signs_in
}

every_sample_passes_a_server_side_dry_run() { # step
    local sample
    for sample in "$K8S"/samples/*.yaml; do
        # Into a namespace that has no Mailpit of the chart's.
        kubectl apply --namespace "$OPERATOR" --server-side --dry-run=server --filename "$sample"
    done
}

the_chart_makes_the_same_stack_as_each_sample() { # step
    local sample
    for sample in "$K8S"/samples/*.yaml; do
        sed '1,/^spec:/d; /^---/,$d; s/^  //' "$sample" >"$LOGS/values.yaml"
        helm template like-sample "$REPOSITORY/charts/pingstack" --namespace "$STACK" --values "$LOGS/values.yaml" --show-only templates/pingstack.yaml |
            kubectl create --namespace "$STACK" --dry-run=server --output json --filename - | jq -S .spec >"$LOGS/chart.json"
        # Another name: the cluster may have a stack called like the sample.
        sed '/^---/,$d' "$sample" | sed '0,/^  name: .*/s//  name: like-sample/' |
            kubectl create --namespace "$STACK" --dry-run=server --output json --filename - | jq -S .spec >"$LOGS/sample.json"
        diff "$LOGS/sample.json" "$LOGS/chart.json"
    done
}

an_uninstall_keeps_the_crd_and_stacks_go_on() { # step
    helm uninstall ping-operator --namespace "$OPERATOR" --wait --timeout 120s
    gone apiservice/v1beta1.external.metrics.k8s.io
    gone --namespace "$OPERATOR" pod --selector app.kubernetes.io/name=ping-operator
    kubectl get "$CRD"
    kubectl get pingstack demo --namespace "$STACK"
    signs_in
}

helm_template_and_kubectl_apply_install() { # step
    helm template ping-operator "$REPOSITORY/charts/ping-operator" --namespace "$OPERATOR" --skip-tests |
        kubectl apply --server-side --force-conflicts --filename -
    answers "$OPERATOR"
    helm template demo "$REPOSITORY/charts/pingstack" --namespace "$STACK" --skip-tests --set mailpit.enabled=true --set nameOverride=again \
        --set userService.replicas=1 --set rabbitmq.managed.resources.requests.cpu=20m --show-only templates/pingstack.yaml |
        kubectl apply --server-side --filename -
    kubectl --namespace "$STACK" wait pingstack/again --for condition=Ready --timeout 240s
    kubectl --namespace "$STACK" delete pingstack again
}

the_operator_installed_by_kubectl_goes() { # step
    without_crd "$OPERATOR" | kubectl delete --timeout 120s --filename -
    gone apiservice/v1beta1.external.metrics.k8s.io
    kubectl get "$CRD"
}

install_yaml_installs() { # step
    kubectl apply --server-side --force-conflicts --filename "$K8S/install.yaml"
    answers ping-system
    # It reconciles: a changed spec is seen.
    kubectl --namespace "$STACK" patch pingstack demo --type merge --patch '{"spec":{"login":{"maxAttempts":3}}}'
    kubectl --namespace "$STACK" wait pingstack/demo --for 'jsonpath={.status.observedGeneration}'="$(kubectl --namespace "$STACK" get pingstack demo --output 'jsonpath={.metadata.generation}')" --timeout 120s
}

an_uninstalled_stack_leaves_its_volumes_alone() { # step
    helm uninstall demo --namespace "$STACK" --wait --timeout 120s
    gone --namespace "$STACK" pod --all
    [[ $(kubectl --namespace "$STACK" get pvc --output name | wc -l) == 4 ]] # redis and rabbitmq of both stacks
    render_install --set crds.enabled=false | kubectl delete --timeout 120s --filename -
    kubectl get "$CRD"
}
