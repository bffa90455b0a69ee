# Sourced: where the servers come from, and which ports are free.
# shellcheck shell=bash

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
