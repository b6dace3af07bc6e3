"""The benchmark of dashboards runs Grafana's queries on PostgreSQL; speed is not tested."""

from pathlib import Path

import pytest

from benchmarks.postgres import installed_programs
from grafana.expansion import panel_queries, rule_queries, variable_queries
from tests.benchmarks.command import quick_run, run

pytestmark = pytest.mark.slow


@pytest.mark.skipif(installed_programs() is None, reason="no PostgreSQL server is installed here")
def test_every_panel_and_rule_is_measured_over_all_rows(repository: Path, output: Path) -> None:
    done = quick_run("dashboards", output)

    queries = {**panel_queries(repository, "service"), **variable_queries(repository, "service")}
    assert set(queries) == set(done.results["panels_ms"])
    assert {f"alert {uid}" for uid in rule_queries(repository)} == set(done.results["rules_ms"])
    assert all(each["lowest"] > 0 for each in done.results["panels_ms"].values())
    assert "50,000 rows of 2 days in PostgreSQL" in done.printed


def test_another_kind_of_database_is_refused_in_one_line(output: Path) -> None:
    url = f"sqlite:///{output}/rows.sqlite3"

    done = run("dashboards", "--quick", "--output", str(output), BENCH_DATABASE_URL=url)

    assert (1, "BENCH_DATABASE_URL names no PostgreSQL database. Name one, or unset it\n") == (
        done.returncode,
        done.stdout,
    )
