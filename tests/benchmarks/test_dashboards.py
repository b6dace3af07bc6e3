"""The benchmark of dashboards asks PostgreSQL what Grafana asks; how quick it is, is no test."""

from pathlib import Path

import pytest

from grafana.expansion import others, panels, rules
from tests.support.benchmark import figures_of, print_of, run
from tests.support.postgres import installed_programs


@pytest.mark.skipif(installed_programs() is None, reason="no PostgreSQL server is installed here")
def test_every_panel_and_rule_is_measured_over_all_rows(repository: Path, output: Path) -> None:
    printed = print_of("dashboards", repository, output)

    found = figures_of("dashboards", output, printed)
    asked = {**panels(repository, "service"), **others(repository, "service")}
    assert set(asked) == set(found["panels_ms"])
    assert {f"alert {uid}" for uid in rules(repository)} == set(found["rules_ms"])
    assert all(each["lowest"] > 0 for each in found["panels_ms"].values())
    assert "50,000 rows of 2 days in PostgreSQL" in printed


def test_another_kind_of_database_is_refused_in_one_line(repository: Path, output: Path) -> None:
    done = run(
        ["dashboards", "--quick", "--output", str(output)],
        repository,
        BENCH_DATABASE_URL=f"sqlite:///{output}/rows.sqlite3",
    )

    assert (1, "BENCH_DATABASE_URL names no PostgreSQL database. Name one, or unset it\n") == (
        done.returncode,
        done.stdout,
    )
