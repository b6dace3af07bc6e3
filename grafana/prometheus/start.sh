#!/bin/sh
# Write the service's first key into KEY_FILE, then start Prometheus: `start.sh COMMAND...`.
# Its configuration knows no variables, and arguments are for everybody to read.
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
