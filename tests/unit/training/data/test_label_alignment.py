"""Classes are matched by their names."""

import pytest

from training.data.label_alignment import LabelMismatchError, align_labels, resolve_output_labels

EXPECTED = ("negative", "neutral", "positive")


def test_positions_follow_the_names():
    assert (2, 0, 1) == align_labels("a model", EXPECTED, ("neutral", "positive", "negative"))


def test_upper_and_lower_case_are_the_same():
    assert (0, 1, 2) == align_labels("a model", EXPECTED, ("Negative", "NEUTRAL", "positive"))


@pytest.mark.parametrize("found", [("NEG", "NEU", "POS"), ("neg", "Neutral ", "posit")])
def test_an_abbreviation_is_its_class(found):
    assert (0, 1, 2) == align_labels("a model", EXPECTED, found)


@pytest.mark.parametrize(
    "found",
    [
        ("LABEL_0", "LABEL_1", "LABEL_2"),
        ("negative", "positive"),
        ("negative", "neutral", "positive", "mixed"),
        ("negative", "neutral", "Negative"),
        ("ne", "neu", "pos"),
        ("n", "e", "p"),
        ("", "neutral", "positive"),
    ],
)
def test_other_labels_are_told_with_both_lists_and_the_remedy(found):
    told = (
        rf"me/model has the labels {', '.join(found)}, .* negative, neutral, positive. .*set "
        "LABELS .*LABELS=negative,neutral,positive"
    )

    with pytest.raises(LabelMismatchError, match=told):
        align_labels("me/model", EXPECTED, found)


@pytest.mark.parametrize(
    "found", [("LABEL_0", "LABEL_1", "LABEL_2"), ("0", "1", "2"), ("LABEL_0", "NEU", "LABEL_2")]
)
def test_labels_that_say_nothing_are_what_is_given(found):
    given = ("positive", "neutral", "negative")

    assert given == resolve_output_labels("me/model", EXPECTED, found, given)


@pytest.mark.parametrize(
    "found",
    [("Negative", "Neutral", "Positive"), ("LABEL_0", "POS", "LABEL_2"), ("LABEL_0", "LABEL_1")],
)
def test_what_is_given_may_not_contradict_the_model(found):
    given = ("positive", "neutral", "negative")

    with pytest.raises(
        LabelMismatchError, match="LABELS=positive,neutral,negative names its outputs"
    ):
        resolve_output_labels("me/model", EXPECTED, found, given)
