"""No call takes longer than its timeout, whichever answer of a real SQL Server never arrives."""

from tests.support.lost_answers import deliver_through_proxy, for_each_request, use_through_proxy
from tests.support.sql_server import SQLServerDatabase


def test_a_missing_answer_is_waited_for_until_the_timeout(
    database_by_driver: SQLServerDatabase,
) -> None:
    variables = database_by_driver.environment() | {"DATABASE_TIMEOUT_S": "1"}

    uses = for_each_request(use_through_proxy, database_by_driver.address, variables)

    assert [] == [use for use in uses if not use.has_ended or use.watchdogs]
    assert all(use.dropped_bytes for use in uses)


def test_rows_are_stored_exactly_once_despite_a_missing_answer(
    database_by_driver: SQLServerDatabase,
) -> None:
    variables = database_by_driver.environment() | {"DATABASE_TIMEOUT_S": "1"}

    deliveries = for_each_request(deliver_through_proxy, database_by_driver.address, variables)

    assert [] == [each for each in deliveries if not each.has_ended or each.left]
    assert all(each.dropped_bytes for each in deliveries)
    assert sorted(id_ for each in deliveries for id_ in each.ids) == sorted(
        id_ for id_, _ in database_by_driver.rows()
    )
