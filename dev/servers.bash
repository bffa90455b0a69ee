# Sourced: starts Redis, RabbitMQ and Mailpit, except those that the environment already names, and exports their addresses.
# shellcheck shell=bash

SERVER_PROCESSES=()

# start_server NAME FOLDER OPTIONS…: runs dev/server in the background; its data and its log are in FOLDER.
start_server() {
    local name=$1 folder=$2
    shift 2
    mkdir -p "$folder/$name"
    # A process group of its own: Ctrl-C is for the script, which then stops all in order.
    set -m
    "$REPOSITORY/dev/server" "$name" --data "$folder/$name" "$@" >"$folder/$name.log" 2>&1 </dev/null &
    SERVER_PROCESSES+=($!)
    set +m
}

# start_redis FOLDER PORT
start_redis() {
    [[ -z ${REDIS_URL:-} ]] || return 0
    start_server redis "$1" --port "$2"
    REDIS_PROCESS=$! REDIS_LISTENS=$2 REDIS_LOG=$1/redis.log
    export REDIS_URL=redis://127.0.0.1:$2/0
}

# start_rabbitmq FOLDER PORT MANAGEMENT_PORT
start_rabbitmq() {
    [[ -z ${RABBITMQ_HOST:-}${RABBITMQ_URL:-} ]] || return 0
    start_server rabbitmq "$1" --port "$2" --management-port "$3"
    RABBITMQ_PROCESS=$! RABBITMQ_LOG=$1/rabbitmq.log
    export RABBITMQ_HOST=127.0.0.1 RABBITMQ_PORT=$2 RABBITMQ_USER=admin RABBITMQ_PASSWORD=admin123
    export RABBITMQ_MANAGEMENT_URL=http://127.0.0.1:$3
}

# start_mailpit FOLDER PORT HTTP_PORT
start_mailpit() {
    [[ -z ${SMTP_HOST:-} ]] || return 0
    start_server mailpit "$1" --port "$2" --http-port "$3"
    MAILPIT_PROCESS=$! MAILPIT_LOG=$1/mailpit.log
    export SMTP_HOST=127.0.0.1 SMTP_PORT=$2 MAILPIT_URL=http://127.0.0.1:$3
}

# start_mongodb FOLDER PORT: tests find it as TEST_MONGO_URI, so that the service itself runs with and without a directory.
start_mongodb() {
    [[ -z ${TEST_MONGO_URI:-} ]] || return 0
    start_server mongodb "$1" --port "$2"
    MONGODB_PROCESS=$! MONGODB_LISTENS=$2 MONGODB_LOG=$1/mongodb.log
    export TEST_MONGO_URI=mongodb://127.0.0.1:$2
}

redis_answers() {
    # shellcheck disable=SC2016 # for the inner shell
    [[ $(timeout 2 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0" && printf "PING\r\n" >&3 && head -c 5 <&3' "$1" 2>/dev/null) == +PONG ]]
}

# What answers after the management API does, and on the broker's own port.
rabbitmq_answers() {
    port_is_used "$RABBITMQ_PORT" &&
        curl -fsS -m 2 -o /dev/null -u "$RABBITMQ_USER:$RABBITMQ_PASSWORD" "$RABBITMQ_MANAGEMENT_URL/api/vhosts" 2>/dev/null
}

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

# wait_for_servers: those that this script started.
wait_for_servers() {
    need curl curl
    [[ -z ${REDIS_PROCESS:-} ]] || wait_until_answers Redis "$REDIS_PROCESS" "$REDIS_LOG" redis_answers "$REDIS_LISTENS"
    [[ -z ${RABBITMQ_PROCESS:-} ]] || wait_until_answers RabbitMQ "$RABBITMQ_PROCESS" "$RABBITMQ_LOG" rabbitmq_answers
    [[ -z ${MONGODB_PROCESS:-} ]] || wait_until_answers MongoDB "$MONGODB_PROCESS" "$MONGODB_LOG" port_is_used "$MONGODB_LISTENS"
    [[ -z ${MAILPIT_PROCESS:-} ]] || wait_until_answers Mailpit "$MAILPIT_PROCESS" "$MAILPIT_LOG" http_answers "$MAILPIT_URL/readyz"
}

# stop_servers SIGNAL
stop_servers() {
    ((${#SERVER_PROCESSES[@]})) || return 0
    kill -s "$1" "${SERVER_PROCESSES[@]}" 2>/dev/null || true
    wait "${SERVER_PROCESSES[@]}" 2>/dev/null || true
    SERVER_PROCESSES=()
}
