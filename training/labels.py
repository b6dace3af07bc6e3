"""Match the classes of a data set with those of a model, by their names."""

from collections.abc import Sequence

from training.errors import TrainingError


class LabelsError(TrainingError):
    """Tell that a data set and a model do not know the same classes."""

    def __init__(self, model: str, expected: Sequence[str], found: Sequence[str]) -> None:
        super().__init__(
            f"the model {model} has the labels {', '.join(found)}, but the data set has "
            f"{', '.join(expected)}: they are matched by name, so correct `id2label` and "
            "`label2id` in the model's config.json, or choose another BASE_MODEL"
        )


def match(model: str, expected: Sequence[str], found: Sequence[str]) -> tuple[int, ...]:
    """Return for each expected class the position of the model's label of that name.

    Upper and lower case are the same. Raises LabelsError, which calls the model by the name
    given, where one side has a label that the other has not, or has one twice.
    """
    positions = {name.lower(): position for position, name in enumerate(found)}
    if len(found) != len(expected) or set(positions) != {name.lower() for name in expected}:
        raise LabelsError(model, expected, found)
    return tuple(positions[name.lower()] for name in expected)
