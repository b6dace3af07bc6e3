"""Values that a program of the stack cannot read are refused."""

import re
from pathlib import Path

import pytest

from env_file.values import GRAFANA_LOGIN, GRAFANA_SETTINGS, value_problem


@pytest.mark.parametrize("name", GRAFANA_LOGIN)
@pytest.mark.parametrize("value", ["a;b", 'a"b', '"ab"', " ab", "ab ", "a\tb", "a\nb", ";", "ab;"])
def test_grafanas_login_refuses_values_that_its_driver_changes(name: str, value: str) -> None:
    assert "Grafana's driver" in value_problem(name, value)


@pytest.mark.parametrize("name", GRAFANA_LOGIN)
@pytest.mark.parametrize("value", ["a b", "a'b", "a$b", "{a}", "a=b", "a%(b)s", "a&b", "żółć"])
def test_grafanas_login_accepts_other_values(name: str, value: str) -> None:
    assert "" == value_problem(name, value)


@pytest.mark.parametrize("name", GRAFANA_SETTINGS)
@pytest.mark.parametrize("value", ["a${b}", "$__file{/etc/passwd}", "$__env{HOME}", "a%(b)s"])
def test_grafanas_settings_refuse_values_that_grafana_expands(name: str, value: str) -> None:
    assert "Grafana expands" in value_problem(name, value)
    assert "" == value_problem(name, "a$b;c%d{e}")


def test_a_lower_case_name_is_refused() -> None:
    assert "Write SQL_PASSWORD" in value_problem("sql_password", "x")
    assert "" == value_problem("http_proxy", "x")


def test_the_settings_of_grafana_are_those_of_compose(repository: Path) -> None:
    compose = (repository / "docker-compose.yml").read_text(encoding="utf-8")

    passed = set(re.findall(r"GF_\w+: \$\{(\w+)", compose))

    assert set(GRAFANA_SETTINGS) == passed


def test_grafana_expands_the_login_once(repository: Path) -> None:
    """With braces Grafana would also expand the variable's value: see `interpolateValue`."""
    for path in (repository / "grafana").rglob("*"):
        if path.suffix in (".yaml", ".json") and "dashboards" not in path.parts:
            assert "${" not in path.read_text(encoding="utf-8"), path
