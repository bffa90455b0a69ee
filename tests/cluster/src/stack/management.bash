#!/usr/bin/env bash
# Runs in a broker's pod: METHOD PATH [BODY] of the management API as AUTH, user:password. Prints the body.
set -euo pipefail
exec 3<>/dev/tcp/127.0.0.1/15672
printf '%s /api/%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Basic %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s' \
    "$1" "$2" "$(printf %s "$AUTH" | base64 -w0)" "${#3}" "$3" >&3
read -r _ status _ <&3
while read -r -u 3 line && [[ $line != $'\r' ]]; do :; done
cat <&3
echo
[[ $status == 2* ]] || { echo "status $status for $1 $2" >&2; exit 1; }
