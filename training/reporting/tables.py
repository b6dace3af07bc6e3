"""Figures as Markdown, for model cards and job summaries."""

import re
from collections.abc import Sequence

from training.evaluation.metrics import Metrics

_STRUCTURE = re.compile(r"[\\`*\[\]<>|&~#$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_SIMPLE = re.compile(r"[\w.:/@+=, -]+", re.ASCII)


def plain(text: str) -> str:
    """Return a text from outside as Markdown that shows it as it is, in one line.

    Character references are never read as structure (CommonMark 0.31, section 2.5).
    """
    return _STRUCTURE.sub(lambda found: f"&#{ord(found[0])};", " ".join(text.split()))


def code(text: str) -> str:
    """Return a text from outside as code, in one line."""
    line = " ".join(text.split())
    return f"`{line}`" if _SIMPLE.fullmatch(line) else f"<code>{plain(line)}</code>"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table whose cells are Markdown without bars or line ends."""
    rule = "|---" * len(head) + "|"
    return "\n".join([_line(head), rule, *map(_line, rows)])


def class_table(evaluation: Metrics) -> str:
    """Return the figures of each class."""
    return table(
        ("class", "precision", "recall", "F1", "tweets"),
        [
            (one.name, *map(share, (one.precision, one.recall, one.f1)), str(one.rows))
            for one in evaluation.classes
        ],
    )


def confusion_table(evaluation: Metrics) -> str:
    """Return the confusion matrix: rows are the true class, columns the predicted one."""
    names = [one.name for one in evaluation.classes]
    return table(
        ("", *names),
        [(name, *map(str, counts)) for name, counts in zip(names, evaluation.confusion)],
    )


def share(value: float | None) -> str:
    """Return a share in 0..1 with four digits, a dash for one that is not known."""
    return "-" if value is None else f"{value:.4f}"


def _line(cells: Sequence[str]) -> str:
    return "|" + "|".join(f" {cell} " if cell else " " for cell in cells) + "|"
