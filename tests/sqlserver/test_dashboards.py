"""SQL Server accepts each query of the dashboards and alert rules from Grafana's login."""

from datetime import timedelta
from pathlib import Path

import pytest

from db.database.engine import make_engine
from db.prediction import utc_now
from db.writing.insertion import insert_if_absent
from grafana.expansion import View, expand, panel_queries, rule_queries, rule_view, variable_queries
from tests.support.predictions import prediction
from tests.support.sql_server import SQLServerDatabase


@pytest.mark.parametrize("has_rows", [False, True])
def test_every_query_is_accepted(
    database: SQLServerDatabase, repository: Path, *, has_rows: bool
) -> None:
    settings = database.settings()
    made, now = prediction(), utc_now()
    if has_rows:
        engine = make_engine(settings)
        with engine.begin() as connection:
            insert_if_absent(connection, [made.to_json()])
        engine.dispose()
    day = timedelta(days=1)
    view = View(now - day, now + day, 60, [made.model_tag], [made.label])
    statements = [
        expand(statement, view)
        for name in ("service", "quality")
        for statement in (
            *panel_queries(repository, name).values(),
            *variable_queries(repository, name).values(),
        )
    ]
    statements += [
        expand(query, rule_view(now, range_s))
        for query, range_s in rule_queries(repository).values()
    ]
    reader = {
        "sql_user": settings.grafana_reader_user,
        "sql_password": settings.grafana_reader_password,
    }
    engine = make_engine(settings.model_copy(update=reader))

    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement).fetchall()

    engine.dispose()
    assert 24 == len(statements)
