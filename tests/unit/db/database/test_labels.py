"""A label that no row could have stops the start, in one line."""

from typing import get_args

import pytest
from bentoml._internal.tag import tag_max_length

from db.database.schema import METRICS, TRAINING_RUNS, LabelError, check_labels
from db.training_run import TrainingRun
from training.export.export import Precision


@pytest.mark.parametrize("label", ["positive", "позитивный", "x" * 64, "\U0001f600" * 32])
def test_labels_that_the_column_holds_are_fine(label: str) -> None:
    check_labels(["negative", label])


@pytest.mark.parametrize(
    ("label", "problem"),
    [
        ("x" * 65, "has 65 characters; its column holds 64"),
        ("\U0001f600" * 33, "has 66 characters; its column holds 64"),
        ("a\x00b", "contains a character that databases cannot store"),
        ("\ud83d", "contains a character that databases cannot store"),
    ],
)
def test_any_other_is_named_with_what_is_wrong(label: str, problem: str) -> None:
    with pytest.raises(LabelError) as caught:
        check_labels(["negative", label])

    assert f"label {label!r} {problem}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_tag_of_bentoml_is_longer_than_its_column() -> None:
    longest = len(":") + 2 * tag_max_length

    for table in (METRICS, TRAINING_RUNS):
        assert longest <= table.c.model_tag.type.length  # type: ignore[attr-defined]


def test_what_training_runs_have_to_say_fits_their_columns() -> None:
    decisions = get_args(TrainingRun.__annotations__["decision"])

    assert max(map(len, decisions)) <= TRAINING_RUNS.c.decision.type.length  # type: ignore[attr-defined]
    assert max(map(len, get_args(Precision))) <= TRAINING_RUNS.c.precision.type.length  # type: ignore[attr-defined]
    assert len("f" * 64) <= TRAINING_RUNS.c.git_commit.type.length  # type: ignore[attr-defined]
