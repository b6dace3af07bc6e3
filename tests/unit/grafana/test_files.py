"""The files for Grafana are up to date and consistent."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("grafana_foundation_sdk", reason="the dev group is not installed")

# pylint: disable=wrong-import-position  # only if the SDK is installed
from grafana.__main__ import files
from grafana.panels import DATABASE_UID, PROMETHEUS_UID
from grafana.rules import ON_METRICS, ON_ROWS, RULES

SOURCES = {
    "service": {"type": "mssql", "uid": DATABASE_UID},
    "quality": {"type": "mssql", "uid": DATABASE_UID},
    "operations": {"type": "prometheus", "uid": PROMETHEUS_UID},
}


def read(repository: Path, name: str) -> Any:
    """Return the content of a file below `grafana/`."""
    return yaml.safe_load((repository / "grafana" / name).read_text(encoding="utf-8"))


def test_the_files_are_up_to_date(repository: Path) -> None:
    for path, content in files().items():
        found = (repository / "grafana" / path).read_text(encoding="utf-8")
        assert content == found, f"{path} is outdated: run `make dashboards`"


def test_there_are_no_other_dashboards(repository: Path) -> None:
    found = {path.stem for path in (repository / "grafana" / "dashboards").iterdir()}

    assert set(SOURCES) == found


@pytest.mark.parametrize("name", SOURCES)
def test_every_panel_has_a_source_a_unit_and_thresholds_and_fits(
    repository: Path, name: str
) -> None:
    content = read(repository, f"dashboards/{name}.json")

    assert 7 <= len(content["panels"])
    for panel in content["panels"]:
        defaults = panel["fieldConfig"]["defaults"]
        assert SOURCES[name] == panel["datasource"]
        assert defaults["unit"]
        assert defaults["thresholds"]["steps"]
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24


def test_the_dashboard_of_predictions_refreshes_every_five_seconds(repository: Path) -> None:
    assert "5s" == read(repository, "dashboards/service.json")["refresh"]


def test_the_database_has_the_uid_and_the_readers_login(repository: Path) -> None:
    (source,) = read(repository, "provisioning/datasources/sqlserver.yaml")["datasources"]

    assert (DATABASE_UID, "mssql") == (source["uid"], source["type"])
    assert "$GRAFANA_READER_USER" == source["user"]
    assert "$GRAFANA_READER_PASSWORD" == source["secureJsonData"]["password"]


def test_prometheus_has_the_uid_and_the_address_of_compose(repository: Path) -> None:
    (source,) = read(repository, "provisioning/datasources/prometheus.yaml")["datasources"]
    compose = yaml.safe_load((repository / "docker-compose.yml").read_text(encoding="utf-8"))

    assert (PROMETHEUS_UID, "prometheus") == (source["uid"], source["type"])
    assert "prometheus" in compose["services"]
    assert "http://prometheus:9090" == source["url"]


def test_compose_mounts_the_provisioned_folders(repository: Path) -> None:
    (provider,) = read(repository, "provisioning/dashboards/dashboards.yaml")["providers"]
    compose = yaml.safe_load((repository / "docker-compose.yml").read_text(encoding="utf-8"))

    mounts = [volume.split(":")[:2] for volume in compose["services"]["grafana"]["volumes"]]
    assert ["./grafana/dashboards", provider["options"]["path"]] in mounts
    assert ["./grafana/provisioning", "/etc/grafana/provisioning"] in mounts


def test_rules_query_their_sources_without_variables(repository: Path) -> None:
    content = json.dumps(read(repository, "provisioning/alerting/rules.json"))

    assert len(ON_ROWS) == content.count(f'"datasourceUid": "{DATABASE_UID}"') == 4
    assert len(ON_METRICS) == content.count(f'"datasourceUid": "{PROMETHEUS_UID}"') == 7
    assert "${" not in content
    assert "$__interval" not in content


def test_every_rule_has_labels_texts_and_documentation(repository: Path) -> None:
    groups = read(repository, "provisioning/alerting/rules.json")["groups"]
    manual = (repository / "docs" / "monitoring.md").read_text(encoding="utf-8")

    found = {rule["uid"]: rule for group in groups for rule in group["rules"]}

    assert {rule.uid for rule in RULES} == set(found)
    for uid, rule in found.items():
        assert {"service", "severity", "area"} == set(rule["labels"])
        assert {"summary", "description"} == set(rule["annotations"])
        assert f"`{uid}`" in manual
