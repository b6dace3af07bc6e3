"""Align the labels of a model with those of a dataset by name."""

from collections.abc import Sequence

from training.errors import TrainingError

SHORTEST_ABBREVIATION = 3
"""In letters: many models have the labels NEG, NEU and POS."""


class LabelMismatchError(TrainingError):
    """The labels of a dataset and a model differ."""

    def __init__(
        self,
        model: str,
        expected: Sequence[str],
        found: Sequence[str],
        given: Sequence[str] | None = None,
    ) -> None:
        prefix = f"the model {model} has the labels {', '.join(found)}, but "
        if given is None:
            super().__init__(
                f"{prefix}the dataset has {', '.join(expected)}. If they mean the same, set LABELS "
                "to the meaning of the model's outputs in their order (see its model card), such "
                f"as LABELS={','.join(expected)}; else choose another BASE_MODEL"
            )
        else:
            super().__init__(
                f"{prefix}LABELS={','.join(given)} contradicts them. Correct LABELS, or unset it "
                "if the model's own labels are right"
            )


def align_labels(model: str, expected: Sequence[str], found: Sequence[str]) -> tuple[int, ...]:
    """Return for each expected label its position among the labels of a model.

    Case is ignored, and at least three letters abbreviate a label. Raises LabelMismatchError, which
    names the model, if one side lacks a label of the other, or has one twice.
    """
    names = resolve_output_labels(model, expected, found)
    return tuple(names.index(name) for name in expected)


def resolve_output_labels(
    model: str,
    expected: Sequence[str],
    found: Sequence[str],
    given: Sequence[str] | None = None,
) -> tuple[str, ...]:
    """Return for each output of a model which expected label it means.

    This is the model's own label as `align_labels` reads it, or what is ``given`` for labels
    without meaning, such as LABEL_0. Raises LabelMismatchError, also if ``given`` contradicts a
    label with meaning.
    """
    own = [parse_label(label, expected) for label in found]
    if given is None:
        names = own
    else:
        names = list(given)
        if len(names) != len(own) or any(one not in (None, name) for one, name in zip(own, names)):
            raise LabelMismatchError(model, expected, found, given)
    if len(names) != len(expected) or set(names) != set(expected):
        raise LabelMismatchError(model, expected, found, given)
    return tuple(map(str, names))


def parse_label(label: str, expected: Sequence[str]) -> str | None:
    """Return the expected label that a text names or abbreviates in any case, or None."""
    name = label.strip().lower()
    if name in expected:
        return name
    if len(name) < SHORTEST_ABBREVIATION:
        return None
    matches = [each for each in expected if each.startswith(name)]
    return matches[0] if len(matches) == 1 else None
