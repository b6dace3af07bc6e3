"""Another program's tables on SQL Server: tests of every database, with both drivers."""

# pylint: disable=unused-import  # pytest runs what is imported
# ruff: noqa: F401
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from db.admin.setup import set_up
from db.database.engine import make_engine
from db.database.foreign_tables import ForeignTableError
from db.database.schema import METADATA
from tests.support.foreign_tables import FOREIGN, Foreign
from tests.support.sql_server import SQLServerDatabase, skip_module_without_a_server
from tests.unit.db.database.test_foreign_tables import (
    described,
    test_a_table_of_another_program_is_named_with_the_difference_and_left_alone,
    test_a_table_of_another_version_of_ours_is_taken,
    test_a_view_is_no_table_of_ours,
    test_all_such_tables_are_named_at_once,
    test_an_empty_table_of_versions_is_ours,
    test_names_are_compared_as_the_database_does,
    test_nothing_of_another_program_is_deleted,
)

skip_module_without_a_server()


@pytest.fixture(name="engine")
def fixture_engine(server: SQLServerDatabase) -> Iterator[Engine]:
    """Connect as the administrator to a database without tables."""
    settings = server.settings()
    engine = make_engine(settings, settings.admin_url())
    METADATA.drop_all(engine)
    yield engine
    engine.dispose()


@pytest.mark.parametrize("foreign", FOREIGN.values(), ids=FOREIGN)
def test_it_is_not_set_up(server: SQLServerDatabase, engine: Engine, foreign: Foreign) -> None:
    foreign.table.create(engine)
    before = described(engine)

    with pytest.raises(ForeignTableError):
        set_up(server.settings(), lambda _: None)

    assert before == described(engine)
