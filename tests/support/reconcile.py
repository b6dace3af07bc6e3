"""Compare the answers of a run with its rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.support.database import Row


@dataclass(frozen=True, slots=True)
class Answered:
    """A text answered with 200, and its ``prediction_id`` unless it was part of a batch."""

    text: str
    prediction_id: str | None


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of a run.

    ``answered`` texts, ``stored`` rows (may be more, since a kill can lose an answer after its row
    was stored), ``lost`` answered texts without a row, ``doubled`` rows after the first of their
    text or id, and ``misnamed`` answers with another id than their row.
    """

    answered: int
    stored: int
    lost: int
    doubled: int
    misnamed: int

    @classmethod
    def of(cls, answers: Sequence[Answered], rows: Sequence[Row]) -> "Tally":
        """Compare answers with the rows of the same run."""
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
