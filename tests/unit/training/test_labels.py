"""Classes are matched by their names."""

import pytest

from training.labels import LabelsError, match

EXPECTED = ("negative", "neutral", "positive")


def test_positions_follow_the_names():
    assert (2, 0, 1) == match("a model", EXPECTED, ("neutral", "positive", "negative"))


def test_upper_and_lower_case_are_the_same():
    assert (0, 1, 2) == match("a model", EXPECTED, ("Negative", "NEUTRAL", "positive"))


@pytest.mark.parametrize(
    "found",
    [
        ("LABEL_0", "LABEL_1", "LABEL_2"),
        ("negative", "positive"),
        ("negative", "neutral", "positive", "mixed"),
        ("negative", "neutral", "Negative"),
    ],
)
def test_other_labels_are_told_with_both_lists_and_the_remedy(found):
    told = (
        rf"me/model has the labels {', '.join(found)}, .* negative, neutral, positive: .*id2label"
    )

    with pytest.raises(LabelsError, match=told):
        match("me/model", EXPECTED, found)
