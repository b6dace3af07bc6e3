#!/bin/sh
# Provision the contact points that have an address, then start Grafana: `start.sh COMMAND...`.
# Grafana does not start with a contact point without an address.
set -eu

mark=$GF_PATHS_DATA/notifies # exists if an earlier start set the policy

fail() {
    echo "$1" >&2
    exit 1
}

chosen=
case ${ALERT_WEBHOOK_URL:-} in
    "") ;;
    http://?* | https://?*) chosen=webhook ;;
    *) fail "ALERT_WEBHOOK_URL does not start with http:// or https://. Set the complete URL." ;;
esac
if [ -n "${ALERT_EMAIL:-}" ]; then
    [ -n "${GF_SMTP_HOST:-}" ] ||
        fail "ALERT_EMAIL is set, but SMTP_HOST is not. Set the mail server, as HOST:PORT."
    chosen=${chosen:+$chosen-}email
    export GF_SMTP_ENABLED=true
fi
if [ -z "$chosen" ] && [ -e "$mark" ]; then
    chosen=off
fi

rm -rf "$GF_PATHS_PROVISIONING"
cp -R "${PROVISIONING:-/etc/grafana/provisioning}" "$GF_PATHS_PROVISIONING"
case $chosen in
    "") echo "No notifications: neither ALERT_WEBHOOK_URL nor ALERT_EMAIL is set." ;;
    off) rm "$mark" ;;
    *) : >"$mark" ;;
esac
if [ -n "$chosen" ]; then
    cp "$(dirname "$0")/$chosen.json" "$GF_PATHS_PROVISIONING/alerting/notifications.json"
fi
exec "$@"
