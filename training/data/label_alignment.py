"""Match the classes of a data set with those of a model, by their names."""

from collections.abc import Sequence

from training.errors import TrainingError

SHORTEST_ABBREVIATION = 3
"""In letters: NEG, NEU and POS are what models are often labelled with."""


class LabelMismatchError(TrainingError):
    """A data set and a model do not know the same classes."""

    def __init__(
        self,
        model: str,
        expected: Sequence[str],
        found: Sequence[str],
        given: Sequence[str] | None = None,
    ) -> None:
        named = f"the model {model} has the labels {', '.join(found)}, but "
        if given is None:
            super().__init__(
                f"{named}the data set has {', '.join(expected)}. If they mean the same, set LABELS "
                "to the names of the model's outputs in their order, which its model card tells, "
                f"such as LABELS={','.join(expected)}; else choose another BASE_MODEL"
            )
        else:
            super().__init__(
                f"{named}LABELS={','.join(given)} names its outputs otherwise. Correct LABELS, or "
                "unset it if the model's own labels are right"
            )


def align_labels(model: str, expected: Sequence[str], found: Sequence[str]) -> tuple[int, ...]:
    """Return for each expected class the position of the model's label of that name.

    Case is ignored, and at least three letters abbreviate a class. Raises LabelMismatchError, which
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
    """Return the names of a model's outputs in their order, each one of the expected classes.

    These are the model's own labels as `align_labels` reads them, or ``given`` for labels without
    meaning, such as LABEL_0. Raises LabelMismatchError, also if ``given`` contradicts a label
    that has one.
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
    """Return the class that a label names or abbreviates in any case, None if it does not."""
    name = label.strip().lower()
    if name in expected:
        return name
    if len(name) < SHORTEST_ABBREVIATION:
        return None
    meant = [each for each in expected if each.startswith(name)]
    return meant[0] if len(meant) == 1 else None
