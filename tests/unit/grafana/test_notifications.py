"""Grafana gets the contact points that have an address, and starts without any."""

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
SHOW = ["sh", "-c", 'echo "mails: ${GF_SMTP_ENABLED:-false}"']
RECEIVERS = {"sentiment-webhook", "sentiment-email"}


class Start:
    """`start.sh` in a folder of its own, as Grafana's container runs it time after time."""

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
        """Run it; its command shows whether mails are on."""
        return subprocess.run(
            ["sh", str(self._repository / "grafana" / "notifications" / "start.sh"), *SHOW],
            env=self._variables | variables,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def read(self, name: str) -> Any:
        """Return what Grafana would read, its variables still in it; None without the file."""
        path = self._provisioning / "alerting" / name
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    def files(self) -> set[str]:
        """Return the paths of all that is provisioned."""
        found = self._provisioning.rglob("*")
        return {str(path.relative_to(self._provisioning)) for path in found if path.is_file()}


@pytest.fixture(name="start")
def fixture_start(repository: Path, tmp_path: Path) -> Start:
    """Give it."""
    return Start(repository, tmp_path)


@pytest.mark.parametrize(
    ("variables", "receivers", "mails"),
    [
        (WEBHOOK, {"sentiment-webhook"}, "false"),
        (MAIL, {"sentiment-email"}, "true"),
        (WEBHOOK | MAIL, RECEIVERS, "true"),
    ],
)
def test_what_is_set_is_a_receiver_and_what_is_not_is_deleted(
    start: Start, variables: dict[str, str], receivers: set[str], mails: str
) -> None:
    done = start.run(**variables)

    assert (0, f"mails: {mails}\n") == (done.returncode, done.stdout)
    content = start.read("notifications.json")
    (point,) = content["contactPoints"]
    assert receivers == {receiver["uid"] for receiver in point["receivers"]}
    assert RECEIVERS - receivers == {one["uid"] for one in content["deleteContactPoints"]}
    assert not any(receiver["disableResolveMessage"] for receiver in point["receivers"])


def test_addresses_are_variables_that_compose_sets(repository: Path, start: Start) -> None:
    start.run(**WEBHOOK, **MAIL)
    settings = json.dumps(start.read("notifications.json"))
    compose = yaml.safe_load((repository / "docker-compose.yml").read_text(encoding="utf-8"))

    used = set(re.findall(r"\$(\w+)", settings))

    assert {"ALERT_WEBHOOK_URL", "ALERT_EMAIL"} == used
    assert used <= set(compose["services"]["grafana"]["environment"])


def test_the_policy_sends_every_severity_of_the_rules_to_the_contact_point(
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


def test_without_addresses_grafana_starts_with_all_but_contact_points(
    repository: Path, start: Start
) -> None:
    done = start.run(ALERT_WEBHOOK_URL="", ALERT_EMAIL="", GF_SMTP_HOST="mail.test:587")

    source = repository / "grafana" / "provisioning"
    assert 0 == done.returncode
    assert "Alerts notify nobody: neither ALERT_WEBHOOK_URL nor ALERT_EMAIL is set." in done.stdout
    assert "mails: false\n" in done.stdout
    assert {str(p.relative_to(source)) for p in source.rglob("*") if p.is_file()} == start.files()


def test_addresses_that_were_removed_get_nothing_more(start: Start) -> None:
    start.run(**WEBHOOK)

    assert 0 == start.run().returncode
    content = start.read("notifications.json")
    assert [1] == content["resetPolicies"]
    assert RECEIVERS == {one["uid"] for one in content["deleteContactPoints"]}
    # a policy that somebody makes in Grafana from now on is theirs
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
def test_an_address_that_cannot_work_stops_the_start_in_one_line(
    start: Start, variables: dict[str, str], names: str
) -> None:
    done = start.run(**variables)

    assert 0 != done.returncode
    assert names in done.stderr
    assert 1 == len(done.stderr.splitlines())
    assert "" == done.stdout
    assert "alerts.test" not in done.stderr  # a webhook's address is a secret
