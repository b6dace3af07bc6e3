"""The compose files are valid, contain no secrets, and publish on the loopback only."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

LEFT_OUT = {
    "DATABASE_URL",  # SQL_SERVER is always set
    "SQL_DRIVER",  # the image has one
    "SPOOL_DIR",  # on the volume
    "SQL_ADMIN_USER",  # only for db-setup, which uses sa
    "SA_PASSWORD",
    "GRAFANA_READER_USER",
    "GRAFANA_READER_PASSWORD",
}
FILES = ("docker-compose.yml", "docker-compose.embedded.yml", "docker-compose.sql-port.yml")


@pytest.mark.parametrize("name", FILES)
def test_a_file_matches_the_schema(repository: Path, name: str) -> None:
    command = ["-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", name]

    done = subprocess.run(
        [sys.executable, *command], cwd=repository, capture_output=True, text=True, check=False
    )

    assert 0 == done.returncode, done.stdout


def test_there_are_no_other_files(repository: Path) -> None:
    assert set(FILES) == {path.name for path in repository.glob("docker-compose*")}


def test_a_missing_secret_stops_compose_with_the_remedy(repository: Path) -> None:
    secrets = {
        (service, name): value
        for service, parts in services(repository, "docker-compose.yml").items()
        for name, value in parts["environment"].items()
        if name.endswith("PASSWORD") and name != "GF_SMTP_PASSWORD"  # optional
    }

    assert 9 == len(secrets)
    for value in secrets.values():
        assert re.fullmatch(r"\$\{(\w+):\?\1 is not set; make env writes one\}", value)


def test_only_the_database_and_its_administration_have_the_sa_password(repository: Path) -> None:
    found = services(repository, "docker-compose.yml")

    holders = {name for name, parts in found.items() if "SA_PASSWORD" in str(parts["environment"])}

    assert {"sqlserver", "db-setup", "prune"} == holders
    assert "ports" not in found["prune"]
    assert found["prune"]["read_only"]


def test_grafana_uses_the_login_that_db_setup_creates(repository: Path) -> None:
    found = services(repository, "docker-compose.yml")
    file = repository / "grafana" / "provisioning" / "datasources" / "sqlserver.yaml"
    named = set(re.findall(r"\$(\w+)", file.read_text(encoding="utf-8")))
    login = {"GRAFANA_READER_USER", "GRAFANA_READER_PASSWORD"}

    given = found["grafana"]["environment"]

    assert login < named <= set(given)
    assert {given[name] for name in login} == {
        found["db-setup"]["environment"][name] for name in login
    }


@pytest.mark.parametrize("name", FILES[:2])
def test_ports_are_published_on_the_loopback(repository: Path, name: str) -> None:
    ports = [
        port for parts in services(repository, name).values() for port in parts.get("ports", ())
    ]

    assert ports
    assert all(
        re.fullmatch(r"\$\{\w+_PORT_MAPPING:-127\.0\.0\.1:\d+:3000\}", port) for port in ports
    )


def test_the_stacks_share_no_volume(repository: Path) -> None:
    names = [
        set(yaml.safe_load((repository / name).read_text(encoding="utf-8"))["volumes"])
        for name in FILES[:2]
    ]

    assert not names[0] & names[1]


def test_prometheus_is_not_published_and_its_retention_is_limited(repository: Path) -> None:
    found = services(repository, "docker-compose.yml")["prometheus"]

    assert "ports" not in found
    assert found["read_only"]
    assert "65534:65534" == found["user"]
    assert {"mem_limit", "healthcheck"} <= set(found)
    for bound in ("time", "size"):
        assert any(f"--storage.tsdb.retention.{bound}=" in word for word in found["command"])


def test_metrics_are_not_public_and_the_key_is_no_argument(repository: Path) -> None:
    found = services(repository, "docker-compose.yml")

    assert "${PUBLIC_PATHS:-}" == found["api"]["environment"]["PUBLIC_PATHS"]
    assert found["api"]["environment"]["API_KEYS"] == found["prometheus"]["environment"]["API_KEYS"]
    assert "API_KEYS" not in str(found["prometheus"]["command"])


def test_external_images_are_pinned(repository: Path) -> None:
    images = [parts["image"] for parts in services(repository, "docker-compose.yml").values()]

    pinned = [image for image in images if re.search(r":v?\d+[\w.-]*\d", image)]
    assert ["${IMAGE:-tweet-sentiment:latest}"] * 3 == [one for one in images if one not in pinned]


def test_every_setting_of_predictions_is_passed_to_the_service(repository: Path) -> None:
    example = (repository / ".env.example").read_text(encoding="utf-8")
    (_, section) = example.split("# --- Predictions")
    settings = re.findall(r"^#(\w+)=", section.partition("\n# --- ")[0], re.MULTILINE)

    passed = services(repository, "docker-compose.yml")["api"]["environment"]

    assert "DATABASE_TIMEOUT_S" in settings
    assert set(settings) - LEFT_OUT == set(passed) & set(settings)


@pytest.mark.parametrize(
    ("retention", "expected"),
    [
        ("", "RETENTION is not set: all rows are kept\nsleep infinity\n"),
        ("90d", "python -m db prune --older-than 90d --every 24h\n"),
    ],
)
def test_old_rows_are_pruned_daily_if_retention_is_set(
    repository: Path, tmp_path: Path, retention: str, expected: str
) -> None:
    found = services(repository, "docker-compose.yml")["prune"]
    for name in ("python", "sleep"):  # each prints how it was called
        (tmp_path / name).write_text('#!/bin/sh\necho "${0##*/}" "$@"\n', encoding="utf-8")
        (tmp_path / name).chmod(0o755)

    done = subprocess.run(
        [word.replace("$$", "$") for word in found["command"]],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "RETENTION": retention},
        capture_output=True,
        text=True,
        check=True,
    )

    assert "${RETENTION:-}" == found["environment"]["RETENTION"]
    assert expected == done.stdout


@pytest.mark.parametrize("name", FILES[:2])
def test_every_setting_of_clients_is_passed_to_the_service(repository: Path, name: str) -> None:
    example = (repository / ".env.example").read_text(encoding="utf-8")
    (_, section) = example.split("# --- Clients")
    settings = re.findall(r"^#(\w+)=", section.partition("\n# --- ")[0], re.MULTILINE)

    (passed,) = [
        parts["environment"]
        for parts in services(repository, name).values()
        if "PUBLIC_PATHS" in parts.get("environment", {})
    ]

    assert {"API_KEYS", "CORS_ORIGINS", "PUBLIC_PATHS"} == set(settings)
    for setting in settings:
        assert f"${{{setting}:-}}" == passed[setting]


def services(repository: Path, name: str) -> dict[str, dict[str, Any]]:
    """Return the services of a compose file."""
    return yaml.safe_load((repository / name).read_text(encoding="utf-8"))["services"]
