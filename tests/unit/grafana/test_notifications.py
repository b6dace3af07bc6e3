"""Grafana gets contact points for the addresses that are set, and starts without any."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

WEBHOOK = {"ALERT_WEBHOOK_URL": "https://alerts.test/hook?a=$b"}
MAIL = {"ALERT_EMAIL": "one@alerts.test,two@alerts.test", "GF_SMTP_HOST": "mail.test:587"}
SHOW = ["sh", "-c", 'echo "email: ${GF_SMTP_ENABLED:-false}"']
RECEIVERS = {"sentiment-webhook", "sentiment-email"}


class Start:
    """`start.sh` with its own folders, run repeatedly like in Grafana's container."""

    def __init__(self, repository: Path, folder: Path) -> None:
        self._repository = repository
        self._provisioning = folder / "provisioning"
        (folder / "data").mkdir()
        self._variables = {
            "PATH": os.environ["PATH"],
            "GF_PATHS_DATA": str(folder / "data"),
            "GF_PATHS_PROVISIONING": str(self._provisioning),
            "PROVISIONING": str(repository / "grafana" / "provisioning"),
        }

    def run(self, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run it with a command that prints whether email is on."""
        return subprocess.run(
            ["sh", str(self._repository / "grafana" / "notifications" / "start.sh"), *SHOW],
            env=self._variables | variables,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def read(self, name: str) -> Any:
        """Return a provisioned file, with variables unexpanded; None if it is missing."""
        path = self._provisioning / "alerting" / name
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    def files(self) -> set[str]:
        """Return the paths of all provisioned files."""
        found = self._provisioning.rglob("*")
        return {str(path.relative_to(self._provisioning)) for path in found if path.is_file()}


@pytest.fixture(name="start")
def fixture_start(repository: Path, tmp_path: Path) -> Start:
    """Return the script."""
    return Start(repository, tmp_path)


@pytest.mark.parametrize(
    ("variables", "receivers", "email"),
    [
        (WEBHOOK, {"sentiment-webhook"}, "false"),
        (MAIL, {"sentiment-email"}, "true"),
        (WEBHOOK | MAIL, RECEIVERS, "true"),
    ],
)
def test_addresses_become_receivers_and_others_are_deleted(
    start: Start, variables: dict[str, str], receivers: set[str], email: str
) -> None:
    done = start.run(**variables)

    assert (0, f"email: {email}\n") == (done.returncode, done.stdout)
    content = start.read("notifications.json")
    (point,) = content["contactPoints"]
    assert receivers == {receiver["uid"] for receiver in point["receivers"]}
    assert RECEIVERS - receivers == {one["uid"] for one in content["deleteContactPoints"]}
    assert not any(receiver["disableResolveMessage"] for receiver in point["receivers"])


def test_compose_passes_the_address_variables(repository: Path, start: Start) -> None:
    start.run(**WEBHOOK, **MAIL)
    settings = json.dumps(start.read("notifications.json"))
    compose = yaml.safe_load((repository / "docker-compose.yml").read_text(encoding="utf-8"))

    used = set(re.findall(r"\$(\w+)", settings))

    assert {"ALERT_WEBHOOK_URL", "ALERT_EMAIL"} == used
    assert used <= set(compose["services"]["grafana"]["environment"])


def test_the_policy_routes_every_severity_to_the_contact_point(
    repository: Path, start: Start
) -> None:
    start.run(**WEBHOOK)
    content = start.read("notifications.json")
    rules = (repository / "grafana/provisioning/alerting/rules.json").read_text(encoding="utf-8")

    (policy,) = content["policies"]
    names = {point["name"] for point in content["contactPoints"]}
    routes = policy["routes"]
    assert names == {policy["receiver"], *(route["receiver"] for route in routes)}
    matched = [tuple(matcher) for route in routes for matcher in route["object_matchers"]]
    severities = set(re.findall(r'"severity": "(\w+)"', rules))
    assert {("severity", "=", severity) for severity in severities} == set(matched)
    assert {"service", "severity"} == set(policy["group_by"])


def test_without_addresses_grafana_starts_without_contact_points(
    repository: Path, start: Start
) -> None:
    done = start.run(ALERT_WEBHOOK_URL="", ALERT_EMAIL="", GF_SMTP_HOST="mail.test:587")

    source = repository / "grafana" / "provisioning"
    assert 0 == done.returncode
    assert "No notifications: neither ALERT_WEBHOOK_URL nor ALERT_EMAIL is set." in done.stdout
    assert "email: false\n" in done.stdout
    assert {str(p.relative_to(source)) for p in source.rglob("*") if p.is_file()} == start.files()


def test_a_removed_address_deletes_its_contact_point(start: Start) -> None:
    start.run(**WEBHOOK)

    assert 0 == start.run().returncode
    content = start.read("notifications.json")
    assert [1] == content["resetPolicies"]
    assert RECEIVERS == {one["uid"] for one in content["deleteContactPoints"]}
    # later changes in Grafana are kept
    start.run()
    assert start.read("notifications.json") is None


@pytest.mark.parametrize(
    ("variables", "names"),
    [
        ({"ALERT_WEBHOOK_URL": "alerts.test/hook"}, "ALERT_WEBHOOK_URL"),
        ({"ALERT_WEBHOOK_URL": "https://"}, "ALERT_WEBHOOK_URL"),
        ({"ALERT_EMAIL": "one@alerts.test"}, "SMTP_HOST"),
    ],
)
def test_an_invalid_address_stops_the_start_with_one_line(
    start: Start, variables: dict[str, str], names: str
) -> None:
    done = start.run(**variables)

    assert 0 != done.returncode
    assert names in done.stderr
    assert 1 == len(done.stderr.splitlines())
    assert "" == done.stdout
    assert "alerts.test" not in done.stderr  # a webhook's address may be a secret
