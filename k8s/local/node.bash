# Sourced by the steps of this folder: what lies where, and how something is run inside the node.
# shellcheck shell=bash disable=SC2034 # the variables are for the scripts that source this
# shellcheck source=dev/need.bash
source "$(dirname "${BASH_SOURCE[0]}")/../../dev/need.bash"

LOCAL=$REPOSITORY/k8s/local
BIN=$BUILD/k8s/bin                      # programs; kept by `down`
IMAGES=$BUILD/k8s/node-images           # image archives; kept by `down`
NODE=$BUILD/k8s/node                    # whatever the node writes; removed by `down`
INSIDE=/var/lib/ping-node               # NODE as the node itself sees it: socket paths must be short
CONTAINERD_SOCKET=$NODE/run/containerd.sock
SAVED_SYSCTLS=/run/ping-node.sysctls     # as they were before the node; the only file outside .build, while the node runs
NODE_NAME=ping-node
NODE_ADDRESS=10.245.0.1                 # on lo: the node works without a network, and a new address of the machine does not break it
POD_SUBNET=10.244.0.0/23                # 510 addresses for up to 250 pods, which overlap while they are replaced
SERVICE_SUBNET=10.96.0.0/16
KUBERNETES_VERSION=$(sed -n 's#.*k8s.io/kubernetes \(v[0-9.]*\).*#\1#p' "$LOCAL/go.mod")
# Not pulled from anywhere: k8s/local/node-images makes them.
export PROVISIONER_IMAGE=localhost/ping-node/local-path-provisioner:v0.0.30
export HELPER_IMAGE=localhost/ping-node/busybox:1
export KUBECONFIG=$NODE/kubernetes/admin.conf

# Folder of NODE, and where the node's programs expect it. Nobody outside the node's mount namespace sees these mounts.
NODE_MOUNTS=(
    ". $INSIDE"
    "kubernetes /etc/kubernetes"
    "kubelet /var/lib/kubelet"
    "cni /var/lib/cni"
    "container-logs /var/log/containers"
    "run/shims /run/containerd"
)

# All processes of the node are in cgroups below this one, in every hierarchy (version 1 has one for each controller).
# The daemons' own is in this hierarchy alone: enough to find them by.
NODE_CGROUP=/sys/fs/cgroup/ping-node
[[ -d /sys/fs/cgroup/pids ]] && NODE_CGROUP=/sys/fs/cgroup/pids/ping-node

# say MESSAGE: progress, with the seconds since the first step began.
export NODE_STARTED=${NODE_STARTED:-$EPOCHSECONDS}
say() { printf '%5ss  %s: %s\n' "$((EPOCHSECONDS - NODE_STARTED))" "${0##*/}" "$*" >&2; }

# node_pid: a process of the running node, if there is one, from whichever folder it was started.
node_pid() { sort -n "$NODE_CGROUP/daemons/cgroup.procs" 2>/dev/null | head -1 | grep .; }

# node_is_ours: the running node is the one of this folder.
node_is_ours() {
    local pid
    pid=$(node_pid) && [[ /proc/$pid/root$INSIDE -ef $NODE ]]
}

# in_node COMMAND…: runs it as the node's programs are run, in their mount namespace.
in_node() { nsenter --mount --target "$(node_pid)" -- env PATH="$BIN:/usr/sbin:/usr/bin:/sbin:/bin" "$@"; }

# wait_until SECONDS WHAT COMMAND…: tries COMMAND until it succeeds.
wait_until() {
    local deadline=$((EPOCHSECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        ((EPOCHSECONDS < deadline)) || { say "gave up waiting until $what; the logs are in $NODE/log"; return 1; }
        sleep 0.3
    done
}

# kubeadm_images: the images of the control plane, under the names that kubeadm asks for.
kubeadm_images() { "$BIN/kubeadm" config images list --kubernetes-version "$KUBERNETES_VERSION"; }

# fill_in FILE: prints it with each @NAME@ replaced by the variable of that name.
fill_in() {
    local text name
    text=$(<"$1")
    for name in NODE_NAME NODE_ADDRESS POD_SUBNET SERVICE_SUBNET KUBERNETES_VERSION PAUSE_IMAGE PROVISIONER_IMAGE HELPER_IMAGE; do
        text=${text//@$name@/${!name:-}}
    done
    printf '%s\n' "$text"
}
