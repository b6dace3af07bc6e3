"""``best_metrics.json``: the record of the best model so far and of all promotions."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from training.errors import TrainingError


@dataclass(frozen=True)
class Promotion:
    """A line of the history; ``origin`` is trained, base, fetched or rollback."""

    timestamp: str
    model_tag: str
    accuracy: float
    origin: str


@dataclass(frozen=True)
class ChampionRecord:
    """The content of ``best_metrics.json``.

    ``accuracy`` is in 0..1, ``timestamp`` the time of the promotion in UTC (ISO 8601); ``details``
    are further metrics and facts.
    """

    accuracy: float
    timestamp: str
    model_tag: str | None
    history: tuple[Promotion, ...]
    details: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path, name: str | None = None) -> Self | None:
        """Read the file; return None if there is none.

        Raises RecordError, with the display name of the file, if it is malformed.
        """
        if not path.exists():
            return None
        name = name or str(path)
        try:
            details = json.loads(path.read_text(encoding="utf-8"))
            accuracy = details.pop("accuracy")
            history = tuple(Promotion(**one) for one in details.pop("history", ()))
        except (OSError, ValueError, AttributeError, KeyError, TypeError) as error:
            raise RecordError(name, f"{type(error).__name__}: {error}") from error
        if isinstance(accuracy, bool) or not isinstance(accuracy, int | float):
            raise RecordError(name, f"its accuracy is {accuracy!r}")
        if not 0 <= accuracy <= 1:
            raise RecordError(name, f"its accuracy is {accuracy!r}, not in 0..1")
        timestamp, model_tag = details.pop("timestamp", ""), details.pop("model_tag", None)
        for field, value in {"timestamp": timestamp, "model_tag": model_tag or ""}.items():
            if not isinstance(value, str):
                raise RecordError(name, f"its {field} is {value!r}, not a string")
        return cls(accuracy, timestamp, model_tag, history, details)

    @property
    def display_name(self) -> str:
        """Return the model's tag, or words for a model without one."""
        return self.model_tag or "the best so far"

    def with_history_entry(self, origin: str) -> Self:
        """Return the record with its own promotion added to the history."""
        entry = Promotion(self.timestamp, self.display_name, self.accuracy, origin)
        return replace(self, history=(*self.history, entry))

    def to_dict(self) -> dict[str, Any]:
        """Return the content of the file."""
        return {
            "accuracy": self.accuracy,
            "timestamp": self.timestamp,
            "model_tag": self.model_tag,
            **self.details,
            "history": [asdict(one) for one in self.history],
        }


def merge_histories(records: Sequence[ChampionRecord]) -> tuple[Promotion, ...]:
    """Return the promotions of all records, each once, sorted by time."""
    entries = dict.fromkeys(entry for record in records for entry in record.history)
    return tuple(sorted(entries, key=lambda entry: entry.timestamp))


class RecordError(TrainingError):
    """``best_metrics.json`` is malformed."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(
            f"{name} is not a valid record of the best model: {problem}. Restore it from a backup, "
            "or delete it to start without a champion"
        )
