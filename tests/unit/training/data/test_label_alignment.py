"""Labels of datasets and models are aligned by name."""

import pytest

from training.data.label_alignment import LabelMismatchError, align_labels, resolve_output_labels

EXPECTED = ("negative", "neutral", "positive")
GIVEN = ("positive", "neutral", "negative")


@pytest.mark.parametrize(
    ("found", "positions"),
    [
        (("neutral", "positive", "negative"), (2, 0, 1)),
        (("Negative", "NEUTRAL", "positive"), (0, 1, 2)),
        (("NEG", "NEU", "POS"), (0, 1, 2)),
        (("neg", "Neutral ", "posit"), (0, 1, 2)),
    ],
)
def test_names_and_abbreviations_are_aligned_in_any_case(found, positions):
    assert positions == align_labels("a model", EXPECTED, found)


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
def test_other_labels_are_reported_with_both_lists_and_the_remedy(found):
    message = (
        rf"me/model has the labels {', '.join(found)}, .* negative, neutral, positive. .*set "
        "LABELS .*LABELS=negative,neutral,positive"
    )

    with pytest.raises(LabelMismatchError, match=message):
        align_labels("me/model", EXPECTED, found)


@pytest.mark.parametrize(
    "found", [("LABEL_0", "LABEL_1", "LABEL_2"), ("0", "1", "2"), ("LABEL_0", "NEU", "LABEL_2")]
)
def test_given_labels_replace_those_without_meaning(found):
    assert GIVEN == resolve_output_labels("me/model", EXPECTED, found, GIVEN)


@pytest.mark.parametrize(
    "found",
    [("Negative", "Neutral", "Positive"), ("LABEL_0", "POS", "LABEL_2"), ("LABEL_0", "LABEL_1")],
)
def test_given_labels_must_not_contradict_the_model(found):
    with pytest.raises(
        LabelMismatchError, match="LABELS=positive,neutral,negative contradicts them"
    ):
        resolve_output_labels("me/model", EXPECTED, found, GIVEN)
