"""The count of what became of the texts of a run."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.support.database import Row


@dataclass(frozen=True, slots=True)
class Answered:
    """A text that was answered 200, and its ``prediction_id`` if it came by itself."""

    text: str
    prediction_id: str | None


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts over a run.

    ``answered`` texts, ``stored`` rows of the run (may be more: an answer can be lost to a kill
    after its row was stored), ``lost`` texts that were answered and have no row, ``doubled`` rows
    beyond the first of their text or id, ``misnamed`` answers whose id is not that of their row.
    """

    answered: int
    stored: int
    lost: int
    doubled: int
    misnamed: int

    @classmethod
    def of(cls, answers: Sequence[Answered], rows: Sequence[Row]) -> "Tally":
        """Count answers against the rows of the same run."""
        ids = {text: row_id for row_id, text in rows}
        return cls(
            answered=len(answers),
            stored=len(rows),
            lost=sum(answer.text not in ids for answer in answers),
            doubled=len(rows) - min(len(ids), len({row_id for row_id, _ in rows})),
            misnamed=sum(
                answer.prediction_id not in (None, ids[answer.text])
                for answer in answers
                if answer.text in ids
            ),
        )

    def __str__(self) -> str:
        return (
            f"answered {self.answered}, stored {self.stored}, "
            f"lost {self.lost}, doubled {self.doubled}"
        )
