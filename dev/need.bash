# Sourced by the scripts of this folder: where the repository is, how to fail, how to get a missing tool.
# shellcheck shell=bash

REPOSITORY=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=$REPOSITORY/.build

# fail MESSAGE: says what is wrong and what to do, ends the script.
fail() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# say MESSAGE: progress goes to stderr, stdout belongs to the result.
say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

debian_as_root() { [[ -f /etc/debian_version && $EUID == 0 ]]; }

# need COMMAND PACKAGE: COMMAND is there, or is installed from the Debian package, or the message says what to install.
need() {
    # The program, not a function of the same name that sets its options.
    type -P "$1" >/dev/null && return
    debian_as_root || fail "'$1' is missing: install it (on Debian and Ubuntu: apt-get install $2) and try again"
    say "installing $2, which has '$1'"
    mkdir -p "$BUILD"
    (
        flock 9
        export DEBIAN_FRONTEND=noninteractive
        apt-get install -qq --no-install-recommends "$2" ||
            { apt-get update -qq && apt-get install -qq --no-install-recommends "$2"; }
    ) 9>"$BUILD/apt.lock" >"$BUILD/apt.log" 2>&1 ||
        { tail -n 25 "$BUILD/apt.log" >&2; fail "apt-get could not install $2: see its message above"; }
}

# with_progress LOG PROGRESS COMMAND…: runs COMMAND with its messages in LOG, and every 15 s says what the function PROGRESS prints;
# when it fails, shows the end of LOG.
with_progress() {
    local log=$1 progress=$2 command
    shift 2
    "$@" 2>"$log" &
    command=$!
    while sleep 1 && kill -0 "$command" 2>/dev/null; do
        ((SECONDS % 15)) || say "$("$progress")"
    done
    wait "$command" || { tail -25 "$log" >&2; fail "'$1' failed, see above; all that it said is in $log"; }
}
