"""The reconciliation of answers and rows."""

import pytest

from tests.support.reconcile import Answered, Tally

KEPT = [Answered("one", "id-1"), Answered("two", "id-2"), Answered("three", None)]
ROWS = [("id-1", "one"), ("id-2", "two"), ("id-3", "three"), ("id-4", "stored, not answered")]


def test_a_run_without_loss_may_have_more_rows_than_answers() -> None:
    tally = Tally.of(KEPT, ROWS)

    assert "answered 3, stored 4, lost 0, doubled 0" == str(tally)
    assert 0 == tally.misnamed


@pytest.mark.parametrize(
    ("rows", "lost", "doubled", "misnamed"),
    [
        (ROWS[1:], 1, 0, 0),
        ([], 3, 0, 0),
        ([*ROWS, ("id-5", "one")], 0, 1, 1),  # a text twice, under two ids
        ([*ROWS, ROWS[1]], 0, 1, 0),  # a row twice
        ([*ROWS, ("id-1", "another")], 0, 1, 0),  # an id twice
        ([*ROWS, *ROWS], 0, 4, 0),
        ([("id-2", "one"), ("id-1", "two"), *ROWS[2:]], 0, 0, 2),
    ],
)
def test_lost_doubled_and_misnamed_rows_are_counted(
    rows: list[tuple[str, str]], lost: int, doubled: int, misnamed: int
) -> None:
    tally = Tally.of(KEPT, rows)

    assert (lost, doubled, misnamed) == (tally.lost, tally.doubled, tally.misnamed)
