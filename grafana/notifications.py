"""Contact points and the notification policy, for Grafana's provisioning.

Grafana does not start with a contact point without an address, so there is a file for each
combination of addresses, and `notifications/start.sh` selects one. Grafana reads the addresses from
its environment.
"""

import json
from collections.abc import Mapping
from typing import Any

CONTACT_POINT = "sentiment"
RECEIVERS: Mapping[str, dict[str, Any]] = {
    "webhook": {"url": "$ALERT_WEBHOOK_URL", "httpMethod": "POST"},
    "email": {"addresses": "$ALERT_EMAIL", "singleEmail": True},
}
CHOICES = {"webhook": ("webhook",), "email": ("email",), "webhook-email": ("webhook", "email")}
OFF = "off"
"""The file that removes contact points and policy once no address is set."""

# How often a notification is repeated while the alert fires, by severity.
REPEAT = {"critical": "1h", "warning": "12h", "info": "24h"}
POLICY = {
    "orgId": 1,
    "receiver": CONTACT_POINT,
    "group_by": ["service", "severity"],  # an outage fires several rules
    "group_wait": "30s",
    "group_interval": "5m",
    "repeat_interval": REPEAT["warning"],
    "routes": [
        {
            "receiver": CONTACT_POINT,
            "object_matchers": [["severity", "=", severity]],
            "repeat_interval": interval,
        }
        for severity, interval in REPEAT.items()
    ],
}


def files() -> Mapping[str, str]:
    """Return the files' contents by name."""
    chosen: dict[str, dict[str, Any]] = {
        name: {
            "contactPoints": [_contact_point(receivers)],
            "deleteContactPoints": _without(receivers),
            "policies": [POLICY],
        }
        for name, receivers in CHOICES.items()
    }
    # Grafana resets the policy first, so that no contact point is in use when it is deleted
    off = {"resetPolicies": [1], "deleteContactPoints": _without(())}
    return {f"{name}.json": _to_json(content) for name, content in {**chosen, OFF: off}.items()}


def _contact_point(receivers: tuple[str, ...]) -> dict[str, Any]:
    return {
        "orgId": 1,
        "name": CONTACT_POINT,
        "receivers": [
            {
                "uid": _uid(receiver),
                "type": receiver,
                "disableResolveMessage": False,
                "settings": RECEIVERS[receiver],
            }
            for receiver in receivers
        ],
    }


def _without(receivers: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return the contact points to delete, which an earlier start may have created."""
    return [{"orgId": 1, "uid": _uid(one)} for one in RECEIVERS if one not in receivers]


def _uid(receiver: str) -> str:
    return f"{CONTACT_POINT}-{receiver}"


def _to_json(content: dict[str, Any]) -> str:
    return json.dumps({"apiVersion": 1, **content}, indent=2, sort_keys=True) + "\n"
