"""A value that a program of the stack cannot be given is refused, however it is quoted."""

import re
from pathlib import Path

import pytest

from env_file.values import GRAFANA_LOGIN, GRAFANA_SETTINGS, value_problem


@pytest.mark.parametrize("name", GRAFANA_LOGIN)
@pytest.mark.parametrize("value", ["a;b", 'a"b', '"ab"', " ab", "ab ", "a\tb", "a\nb", ";", "ab;"])
def test_grafanas_login_is_refused_what_its_driver_cannot_take(name: str, value: str) -> None:
    assert "Grafana's driver" in value_problem(name, value)


@pytest.mark.parametrize("name", GRAFANA_LOGIN)
@pytest.mark.parametrize("value", ["a b", "a'b", "a$b", "{a}", "a=b", "a%(b)s", "a&b", "żółć"])
def test_grafanas_login_takes_the_rest(name: str, value: str) -> None:
    assert "" == value_problem(name, value)


@pytest.mark.parametrize("name", GRAFANA_SETTINGS)
@pytest.mark.parametrize("value", ["a${b}", "$__file{/etc/passwd}", "$__env{HOME}", "a%(b)s"])
def test_grafanas_settings_are_refused_what_grafana_expands(name: str, value: str) -> None:
    assert "Grafana expands" in value_problem(name, value)
    assert "" == value_problem(name, "a$b;c%d{e}")


def test_a_name_that_only_python_would_read_is_refused() -> None:
    assert "Write SQL_PASSWORD" in value_problem("sql_password", "x")
    assert "" == value_problem("http_proxy", "x")


def test_grafanas_own_settings_are_those_of_compose(repository: Path) -> None:
    compose = (repository / "docker-compose.yml").read_text(encoding="utf-8")

    passed = set(re.findall(r"GF_\w+: \$\{(\w+)", compose))

    assert set(GRAFANA_SETTINGS) == passed


def test_grafana_expands_the_login_once(repository: Path) -> None:
    """Braces would have Grafana expand what is in a variable, too: see `interpolateValue`."""
    for path in (repository / "grafana").rglob("*"):
        if path.suffix in (".yaml", ".json") and "dashboards" not in path.parts:
            assert "${" not in path.read_text(encoding="utf-8"), path
