#!/bin/sh
# Write the first API key to KEY_FILE, then start Prometheus: `start.sh COMMAND...`.
# Its configuration has no variables, and all users can read arguments.
set -euf
umask 077

IFS=', '
key=
for each in ${API_KEYS:-}; do
    if [ -n "$each" ]; then
        key=$each
        break
    fi
done
unset IFS API_KEYS
printf %s "$key" >"$KEY_FILE"
exec "$@"
