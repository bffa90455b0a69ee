# Sourced by the scripts of this folder: which cluster is in use, and which kubectl and helm reach it.
# shellcheck shell=bash disable=SC2034 # the variables are for the scripts that source this
# shellcheck source=dev/need.bash
source "$(dirname "${BASH_SOURCE[0]}")/../dev/need.bash"

K8S=$REPOSITORY/k8s
KIND_CLUSTER=ping

# choose_way: sets WAY to current, kind, local or none, WHY to the reason, and KUBECONFIG.
choose_way() {
    WAY=${CLUSTER:-}
    WHY="CLUSTER=$WAY says so"
    if [[ ! $WAY ]]; then
        if [[ -e $BUILD/k8s/node/initialised ]]; then
            WAY=local WHY="the node of k8s/local was made before"
        elif command -v kind >/dev/null && docker_answers; then
            WAY=kind WHY="Docker and kind are there"
        elif debian_as_root; then
            WAY=local WHY="Docker or kind is missing, and this is Debian and root"
        else
            fail "no way to a cluster: install Docker and kind, or run this as root on Debian, or name your own with CLUSTER=current REGISTRY=registry.example.org/you"
        fi
    fi
    case $WAY in
        current) ;; # the caller's own KUBECONFIG
        none) ;;    # cargo xtask images builds, and loads into no cluster
        kind) export KUBECONFIG=$BUILD/k8s/kind.kubeconfig ;;
        local) export KUBECONFIG=$BUILD/k8s/node/kubernetes/admin.conf ;;
        *) fail "CLUSTER is '$WAY': write current, kind or local, for images alone none, or leave it out" ;;
    esac
}

docker_answers() { command -v docker >/dev/null && timeout 10 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

# fits NAME PROGRAM: the machine's program is of a version that was tried, or at most one minor version away from it.
fits() {
    case $1 in
        kubectl) "$2" version --client 2>/dev/null | grep -Eq '^Client Version: v1\.(36|37|38)\.' ;;
        helm) "$2" version --short 2>/dev/null | grep -Eq '^v(4\.|3\.(1[4-9]|[2-9][0-9])\.)' ;;
    esac
}

# client_program NAME: the path of kubectl or helm: the machine's where it fits, else the one of k8s/local, built if need be.
client_program() {
    local program
    while read -r program; do
        if ! [[ $program -ef $K8S/$1 ]] && fits "$1" "$program"; then
            echo "$program"
            return
        fi
    done < <(type -ap "$1")
    "$K8S/local/binaries" "$1" && echo "$BUILD/k8s/bin/$1"
}
