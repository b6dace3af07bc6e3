"""Whatever a real SQL Server does not answer, and whenever: its drivers' waits end."""

from tests.support.sql_server import SQLServerDatabase
from tests.support.swallowed import deliver_through_proxy, for_each_request, use_through_proxy


def test_an_answer_that_never_comes_is_waited_for_no_longer_than_the_timeout(
    database_by_driver: SQLServerDatabase,
) -> None:
    variables = database_by_driver.environment() | {"DATABASE_TIMEOUT_S": "1"}

    uses = for_each_request(use_through_proxy, database_by_driver.address, variables)

    assert [] == [use for use in uses if not use.has_ended or use.deadlines]
    assert all(use.swallowed_bytes for use in uses)


def test_rows_are_stored_exactly_once_although_an_answer_never_came(
    database_by_driver: SQLServerDatabase,
) -> None:
    variables = database_by_driver.environment() | {"DATABASE_TIMEOUT_S": "1"}

    deliveries = for_each_request(deliver_through_proxy, database_by_driver.address, variables)

    assert [] == [each for each in deliveries if not each.has_ended or each.left]
    assert all(each.swallowed_bytes for each in deliveries)
    assert sorted(id_ for each in deliveries for id_ in each.ids) == sorted(
        id_ for id_, _ in database_by_driver.rows()
    )
