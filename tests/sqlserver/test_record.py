"""What is recorded stands in SQL Server: tests of every database, with both drivers."""

# pylint: disable=unused-import  # pytest runs what is imported
# ruff: noqa: F401
from tests.support.sql_server import skip_module_without_a_server
from tests.unit.db.admin.test_prune import test_older_rows_are_deleted_in_small_transactions
from tests.unit.db.database.test_migrations import (
    test_a_database_newer_than_the_code_is_left_alone,
    test_a_second_time_nothing_is_done,
    test_a_step_that_fails_leaves_nothing_behind,
    test_a_table_that_was_dropped_is_made_anew,
    test_later_steps_are_taken_by_databases_that_lack_them,
)
from tests.unit.db.test_prediction_logger import (
    fixture_recorder,
    test_a_prediction_is_read_back_as_it_was_recorded,
    test_a_row_tells_when_it_was_written,
    test_a_row_that_another_version_spooled_is_written,
    test_a_row_that_is_spooled_twice_in_one_batch_is_there_once,
    test_a_row_that_is_written_again_is_there_once,
    test_a_row_that_the_database_refuses_keeps_no_other_from_it,
    test_a_text_that_was_read_in_part_is_marked_in_its_row,
    test_closing_writes_what_is_spooled,
    test_every_text_survives,
    test_nothing_to_record_is_no_error,
    test_rows_that_are_damaged_keep_no_other_from_the_database,
    test_services_that_start_at_once_create_the_tables_together,
    test_what_no_database_is_sure_to_hold_is_replaced,
    test_without_store_text_all_but_the_text_is_recorded,
)

skip_module_without_a_server()
