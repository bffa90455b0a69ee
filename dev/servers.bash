# Sourced: where servers come from, which ports are free, and how Redis, RabbitMQ, Mailpit and MongoDB are started, except those that the
# environment already names; their addresses are exported.
# shellcheck shell=bash
# shellcheck source=dev/need.bash
source "$(dirname "${BASH_SOURCE[0]}")/need.bash"

# servers_from: prints docker or rootfs.
servers_from() {
    if [[ ${SERVERS_FROM:-} ]]; then
        [[ $SERVERS_FROM == docker || $SERVERS_FROM == rootfs ]] || fail "SERVERS_FROM is '$SERVERS_FROM': write docker or rootfs"
        echo "$SERVERS_FROM"
    elif command -v docker >/dev/null && docker version --format '{{.Server.Version}}' >/dev/null 2>&1; then
        echo docker
    elif debian_as_root; then
        echo rootfs
    else
        fail "no Redis, RabbitMQ and Mailpit: start a Docker daemon, or run this as root on Debian, or name your own servers with REDIS_URL, RABBITMQ_HOST and SMTP_HOST"
    fi
}

# port_is_used PORT: something listens there on 127.0.0.1.
port_is_used() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# free_ports N: prints N different ports on which nothing listens, below those that the kernel gives to clients.
free_ports() {
    local -A ports=()
    local port
    while ((${#ports[@]} < $1)); do
        port=$((RANDOM % 20000 + 12000))
        port_is_used "$port" || ports[$port]=1
    done
    echo "${!ports[@]}"
}

SERVER_PROCESSES=()
declare -A NAMES=() # of processes

# in_background LOG COMMAND…: in a process group of its own: Ctrl-C is for the script, which then stops all in order.
in_background() {
    local log=$1
    shift
    set -m
    "$@" >"$log" 2>&1 </dev/null &
    set +m
}

# start_server NAME FOLDER OPTIONS…: runs dev/server in the background; its data and its log are in FOLDER. NAME_answers says whether it is up.
start_server() {
    local name=$1 folder=$2
    shift 2
    mkdir -p "$folder/$name"
    in_background "$folder/$name.log" "$REPOSITORY/dev/server" "$name" --data "$folder/$name" "$@"
    SERVER_PROCESSES+=($!) NAMES[$!]=$name
}

# start_redis FOLDER PORT
start_redis() {
    [[ -z ${REDIS_URL:-} ]] || return 0
    start_server redis "$1" --port "$2"
    export REDIS_URL=redis://127.0.0.1:$2/0
}

redis_answers() {
    local port=${REDIS_URL##*:}
    # shellcheck disable=SC2016 # for the inner shell
    [[ $(timeout 2 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0" && printf "PING\r\n" >&3 && head -c 5 <&3' "${port%/*}" 2>/dev/null) == +PONG ]]
}

# start_rabbitmq FOLDER PORT MANAGEMENT_PORT
start_rabbitmq() {
    [[ -z ${RABBITMQ_HOST:-}${RABBITMQ_URL:-} ]] || return 0
    start_server rabbitmq "$1" --port "$2" --management-port "$3"
    # shellcheck disable=SC2034 # dev/dev reads it
    OWN_BROKER=yes
    export RABBITMQ_HOST=127.0.0.1 RABBITMQ_PORT=$2 RABBITMQ_USER=admin RABBITMQ_PASSWORD=admin123
    export RABBITMQ_MANAGEMENT_URL=http://127.0.0.1:$3
}

# What answers after the management API does, and on the broker's own port.
rabbitmq_answers() {
    port_is_used "$RABBITMQ_PORT" &&
        curl -fsS -m 2 -o /dev/null -u "$RABBITMQ_USER:$RABBITMQ_PASSWORD" "$RABBITMQ_MANAGEMENT_URL/api/vhosts" 2>/dev/null
}

# start_mailpit FOLDER PORT HTTP_PORT
start_mailpit() {
    [[ -z ${SMTP_HOST:-} ]] || return 0
    start_server mailpit "$1" --port "$2" --http-port "$3"
    export SMTP_HOST=127.0.0.1 SMTP_PORT=$2 MAILPIT_URL=http://127.0.0.1:$3
}

mailpit_answers() { http_answers "$MAILPIT_URL/readyz"; }

# start_mongodb FOLDER PORT: tests find it as TEST_MONGO_URI, so that the service itself runs with and without a directory.
start_mongodb() {
    [[ -z ${TEST_MONGO_URI:-} ]] || return 0
    start_server mongodb "$1" --port "$2"
    export TEST_MONGO_URI=mongodb://127.0.0.1:$2
}

mongodb_answers() { port_is_used "${TEST_MONGO_URI##*:}"; }

http_answers() { curl -fsS -m 2 -o /dev/null "$1" 2>/dev/null; }

# wait_until_answers WHAT PROCESS LOG CHECK…: until CHECK succeeds; a message with the log's end when PROCESS ends before that.
# The deadline is long because a first start may have to make the server's root file system, or build it.
wait_until_answers() {
    local what=$1 process=$2 log=$3 deadline=$((SECONDS + 600))
    shift 3
    until "$@"; do
        if ! kill -0 "$process" 2>/dev/null || ((SECONDS > deadline)); then
            tail -n 15 "$log" >&2
            fail "$what did not come up: the end of $log is above"
        fi
        sleep 0.1
    done
}

# wait_for_servers FOLDER: those that this script started, whose logs are in FOLDER.
wait_for_servers() {
    local process
    need curl curl
    for process in "${SERVER_PROCESSES[@]}"; do
        wait_until_answers "${NAMES[$process]}" "$process" "$1/${NAMES[$process]}.log" "${NAMES[$process]}_answers"
    done
}

# stop_processes SIGNAL PROCESS…: those of this script, by force after half a minute. Bash does not report their ends.
stop_processes() {
    local signal=$1 end=$((SECONDS + 30)) process
    shift
    (($#)) || return 0
    kill -s "$signal" "$@" || true
    for process; do
        while kill -0 "$process" && ((SECONDS < end)); do sleep 0.05; done
    done
    kill -s KILL "$@" || true
    wait "$@" || true
} 2>/dev/null
