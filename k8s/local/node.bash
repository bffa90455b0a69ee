# Sourced by the scripts of this folder: what lies where, and how something is run inside a node.
# shellcheck shell=bash disable=SC2034 # the variables are for the scripts that source this
# shellcheck source=dev/need.bash
source "$(dirname "${BASH_SOURCE[0]}")/../../dev/need.bash"

LOCAL=$REPOSITORY/k8s/local
BIN=$BUILD/k8s/bin                      # programs; kept by `down`
IMAGES=$BUILD/k8s/node-images           # image archives; kept by `down`
INSIDE=/var/lib/ping-node               # the folder of a node as the node itself sees it: socket paths must be short
SAVED_SYSCTLS=/run/ping-node.sysctls    # as they were before the nodes; the only file outside .build, while one runs
FIRST_NODE=ping-node                    # runs the control plane, in the network of the machine
FIRST_ADDRESS=10.245.0.1                # on lo: the node works without a network, and a new address of the machine does not break it
BRIDGE=ping-nodes                       # connects the workers with the machine
BRIDGE_ADDRESS=10.245.1.1               # the workers' addresses are in the same /24
NODES_SUBNET=10.245.0.0/16
CLUSTER_SUBNET=10.244.0.0/16            # all pods; each node has a part of it
SERVICE_SUBNET=10.96.0.0/16
API_SERVICE=10.96.0.1                   # the first address of SERVICE_SUBNET, and
DNS_SERVICE=10.96.0.10                  # its tenth: Kubernetes and kubeadm fix both
KUBERNETES_VERSION=$(sed -n 's#.*k8s.io/kubernetes \(v[0-9.]*\).*#\1#p' "$LOCAL/go.mod")
# Not pulled from anywhere: k8s/local/node-images makes them. Their version is that of the script: a change of it may change any.
NODE_IMAGES_VERSION=$(sha256sum <"$LOCAL/node-images" | cut -c1-16)
export PROVISIONER_IMAGE=localhost/ping-node/local-path-provisioner:v0.0.30
export HELPER_IMAGE=localhost/ping-node/busybox:1
export KUBECONFIG=$BUILD/k8s/node/kubernetes/admin.conf

# Folder of a node, and where the node's programs expect it. These mounts are seen in the node's mount namespace alone.
NODE_MOUNTS=(
    ". $INSIDE"
    "kubernetes /etc/kubernetes"
    "kubelet /var/lib/kubelet"
    "cni /var/lib/cni"
    "container-logs /var/log/containers"
    "run/shims /run/containerd"
)

# The daemons' own cgroup is in this hierarchy alone (version 1 has one for each controller): enough to find them by.
CGROUPS=/sys/fs/cgroup
[[ -d /sys/fs/cgroup/pids ]] && CGROUPS=/sys/fs/cgroup/pids

# choose_node NAME: sets the variables that differ between nodes. The first node is chosen unless a script chooses another.
choose_node() {
    NODE_NAME=$1
    [[ $NODE_NAME =~ ^$FIRST_NODE(-([2-9]))?$ ]] || fail "'$NODE_NAME' is not a node's name: they are ping-node and ping-node-2 to ping-node-9"
    local number=${BASH_REMATCH[2]}
    NODE=$BUILD/k8s/node${number:+-$number} # whatever the node writes; removed by `down`
    CONTAINERD_SOCKET=$NODE/run/containerd.sock
    NODE_CGROUP=$CGROUPS/$NODE_NAME         # all its processes are below this, in every hierarchy
    NODE_ADDRESS=$FIRST_ADDRESS
    [[ ! $number ]] || NODE_ADDRESS=${BRIDGE_ADDRESS%.*}.$number
    # 510 addresses for up to 250 pods, which overlap while they are replaced.
    POD_SUBNET=${CLUSTER_SUBNET%.0.0/16}.$((2 * (${number:-1} - 1))).0/23
}
choose_node "$FIRST_NODE"

is_worker() { [[ $NODE_NAME != "$FIRST_NODE" ]]; }

# workers: the names of the workers that the cluster has, whether or not they run.
workers() {
    local folder
    for folder in "$BUILD"/k8s/node-[2-9]; do [[ ! -e $folder/initialised ]] || echo "ping-${folder##*/}"; done
}

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

# in_node COMMAND…: runs it as the node's programs are run, with their mounts and their network.
in_node() { nsenter --mount --net --target "$(node_pid)" -- env PATH="$BIN:/usr/sbin:/usr/bin:/sbin:/bin" "$@"; }

kubectl() { "$BIN/kubectl" --request-timeout 3s "$@"; }

# images_of_node ARGUMENT…: containerd's own client, for the images that the kubelet sees.
images_of_node() { "$BIN/ctr" --address "$CONTAINERD_SOCKET" --namespace k8s.io images "$@"; }

# wait_until SECONDS WHAT COMMAND…: tries COMMAND until it succeeds; gives up with its last words.
wait_until() {
    local deadline=$((EPOCHSECONDS + $1)) what=$2 output
    shift 2
    until output=$("$@" 2>&1); do
        ((EPOCHSECONDS < deadline)) || { say "gave up waiting until $what; the logs are in $NODE/log; last: $(tail -1 <<<"$output")"; return 1; }
        sleep 0.3
    done
}

# kubeadm_images: the images of the control plane, under the names that kubeadm asks for.
kubeadm_images() { "$BIN/kubeadm" config images list --kubernetes-version "$KUBERNETES_VERSION"; }

# images_are_current: the first node has the images that this version of k8s/local/node-images makes.
images_are_current() { [[ $(cat "$NODE/images-imported" 2>/dev/null) == "$NODE_IMAGES_VERSION" ]]; }

# fill_in FILE: prints it with each @NAME@ replaced by the variable of that name.
fill_in() {
    local text name
    text=$(<"$1")
    for name in NODE_NAME NODE_ADDRESS POD_SUBNET CLUSTER_SUBNET SERVICE_SUBNET KUBERNETES_VERSION PAUSE_IMAGE PROVISIONER_IMAGE HELPER_IMAGE \
        JOIN_TOKEN CA_HASH; do
        text=${text//@$name@/${!name:-}}
    done
    printf '%s\n' "$text"
}
