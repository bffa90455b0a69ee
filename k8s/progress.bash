# Sourced: a person who waits for minutes sees what is being done.
# shellcheck shell=bash

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
