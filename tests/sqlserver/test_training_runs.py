"""Training runs are rows of SQL Server: tests of every database, with both drivers."""

# pylint: disable=unused-import  # pytest runs what is imported
# ruff: noqa: F401
import pytest

from tests.support.sql_server import skip_module_without_a_server

pytest.importorskip("transformers", reason="the training group is not installed")
skip_module_without_a_server()

# pylint: disable=wrong-import-position  # only where the training group is installed
from tests.unit.training.promotion.test_run_log import (
    fixture_files,
    test_a_large_seed_and_a_long_path_are_taken,
    test_a_run_waits_while_the_database_is_away,
    test_runs_are_rows_with_their_figures,
    test_what_was_recorded_before_its_file_was_removed_is_not_doubled,
)
