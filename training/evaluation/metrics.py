"""Say in figures how good a list of predictions is."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class ClassMetrics:
    """Hold the figures of one class, each a share in 0..1 except the count of its rows."""

    name: str
    precision: float
    recall: float
    f1: float
    rows: int


@dataclass(frozen=True)
class Metrics:
    """Hold the figures of a whole evaluation.

    ``confusion[i][j]`` counts the rows of class ``i`` that were predicted as class ``j``.
    """

    rows: int
    accuracy: float
    macro_recall: float
    macro_f1: float
    classes: tuple[ClassMetrics, ...]
    confusion: tuple[tuple[int, ...], ...]

    def flat(self) -> dict[str, float]:
        """Return the figures by flat names, as they are stored beside a model."""
        figures = {
            "accuracy": self.accuracy,
            "macro_recall": self.macro_recall,
            "macro_f1": self.macro_f1,
        }
        for one in self.classes:
            for kind, value in asdict(one).items():
                if kind not in ("name", "rows"):
                    figures[f"{kind}_{one.name}"] = value
        return figures


class MetricsError(ValueError):
    """Tell that labels and predictions cannot be compared."""

    def __init__(self, labels: int, predictions: int) -> None:
        super().__init__(
            f"{labels} labels and {predictions} predictions cannot be compared: "
            "give one prediction for each label, and at least one of them"
        )


def compute_metrics(
    labels: Sequence[int], predictions: Sequence[int], names: Sequence[str]
) -> Metrics:
    """Compare predicted classes with the true ones.

    Labels and predictions are class ids, positions in ``names``. Macro averages weigh every
    class of ``names`` alike; a class that no row has, or that was never predicted, counts 0
    where its share would be a division by zero, as scikit-learn does it.

    Macro-averaged recall is the measure of SemEval-2017 task 4 subtask A (Rosenthal et al.
    2017) and of TweetEval (Barbieri et al. 2020).

    Raises MetricsError where the two differ in length or are empty.
    """
    if len(labels) != len(predictions) or not labels:
        raise MetricsError(len(labels), len(predictions))
    confusion = _confusion(labels, predictions, len(names))
    classes = tuple(_class_figures(confusion, i, name) for i, name in enumerate(names))
    return Metrics(
        rows=len(labels),
        accuracy=sum(confusion[i][i] for i in range(len(names))) / len(labels),
        macro_recall=sum(one.recall for one in classes) / len(names),
        macro_f1=sum(one.f1 for one in classes) / len(names),
        classes=classes,
        confusion=confusion,
    )


def agreement(first: Sequence[int], second: Sequence[int]) -> float:
    """Return the share of rows, in 0..1, on which two lists of predictions agree.

    Raises MetricsError where the two differ in length or are empty.
    """
    if len(first) != len(second) or not first:
        raise MetricsError(len(first), len(second))
    return sum(one == other for one, other in zip(first, second)) / len(first)


def _confusion(
    labels: Sequence[int], predictions: Sequence[int], classes: int
) -> tuple[tuple[int, ...], ...]:
    counts = [[0] * classes for _ in range(classes)]
    for label, prediction in zip(labels, predictions):
        counts[label][prediction] += 1
    return tuple(tuple(row) for row in counts)


def _class_figures(confusion: tuple[tuple[int, ...], ...], index: int, name: str) -> ClassMetrics:
    right = confusion[index][index]
    rows = sum(confusion[index])
    predicted = sum(row[index] for row in confusion)
    return ClassMetrics(
        name=name,
        precision=_share(right, predicted),
        recall=_share(right, rows),
        f1=_share(2 * right, rows + predicted),
        rows=rows,
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
