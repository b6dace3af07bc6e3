"""Faults that need no control of the database's own process, against SQL Server."""

# pylint: disable=unused-import  # pytest runs what is imported
# ruff: noqa: F401
from tests.fault_injection.test_connections import (
    test_a_connection_that_hangs_is_given_up_and_its_late_bytes_change_nothing,
    test_a_service_that_starts_without_its_database_answers_and_delivers_later,
    test_a_slow_connection_loses_and_doubles_nothing,
    test_answers_of_the_database_that_never_arrive_lose_and_double_nothing,
    test_connections_cut_in_the_middle_of_anything_lose_and_double_nothing,
)
from tests.fault_injection.test_full_spool import (
    test_a_full_disk_refuses_requests_and_harms_nothing_that_was_answered,
    test_a_spool_at_its_bound_refuses_requests_until_the_database_is_back,
)
from tests.fault_injection.test_kills import (
    test_nothing_answered_is_lost_or_doubled_over_20_kills_of_the_service,
    test_nothing_answered_is_lost_or_doubled_over_kills_of_the_worker_alone,
    test_sigterm_under_load_ends_in_time_with_every_answer_in_the_database,
    test_sigterm_while_the_database_is_away_ends_in_time_and_keeps_what_was_answered,
)
from tests.fault_injection.test_neighbours import (
    test_two_services_on_one_database_lose_and_double_nothing,
    test_two_services_on_one_spool_lose_and_double_nothing,
)
from tests.fault_injection.test_slow_network import (
    test_large_rows_drain_through_10_mbit_per_s_and_younger_ones_arrive,
)
from tests.support.sql_server import skip_module_without_a_server

skip_module_without_a_server()
