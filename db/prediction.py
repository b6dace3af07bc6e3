"""One prediction as it is recorded."""

import json
import re
import secrets
import time
from dataclasses import MISSING, dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

# What no database of ours is sure to hold: PostgreSQL's texts have no NUL and many clients of SQL
# Server end a string there; halves of surrogate pairs are no characters, so UTF-8 cannot encode
# them.
NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")
REPLACEMENT = "\ufffd"
TO_JSON = json.JSONEncoder(ensure_ascii=False).encode


class NotAPredictionError(Exception):
    """What was spooled cannot be read as a prediction."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """One row of the table `metrics`.

    ``timestamp`` is UTC in whole milliseconds, ``text`` None where texts are not to be stored,
    ``confidence`` the probability (0..1) of ``label``, ``batch_size`` the number of texts that
    shared the forward pass; ``truncated`` is true if the model did not read the whole text.
    """

    id: UUID
    timestamp: datetime
    text: str | None
    latency_ms: float
    label: str
    confidence: float
    model_tag: str
    batch_size: int
    truncated: bool = False

    def to_json(self) -> str:
        """Return the row as a JSON object, the form in which it is spooled and sent to SQL Server.

        Characters outside ASCII stand for themselves: as escapes, emoji would take three times as
        many bytes on the disk and six times as many on the wire. NUL in the text, and lone
        surrogates anywhere, are replaced by U+FFFD, the replacement character.
        What was added later is left out if it has its default: an earlier version, to which the
        service may be rolled back, reads no row with a name that it does not know.
        """
        row = {field.name: getattr(self, field.name) for field in fields(Prediction)}
        row["id"] = str(self.id)
        row["timestamp"] = self.timestamp.isoformat(timespec="milliseconds")
        row["text"] = self.text and NOT_STORABLE.sub(REPLACEMENT, self.text)
        for name, default in ADDED_LATER.items():
            if row[name] == default:
                del row[name]
        return NOT_STORABLE.sub(REPLACEMENT, TO_JSON(row))

    @classmethod
    def from_json(cls, body: str) -> "Prediction":
        """Read what `to_json` of this version, an earlier or a later one wrote.

        Names that this version does not know are ignored. Raises NotAPredictionError on anything
        else.
        """
        try:
            row: dict[str, Any] = json.loads(body)
            known = {field.name: row[field.name] for field in fields(cls) if field.name in row}
            return cls(
                **known
                | {
                    "id": UUID(row["id"]),
                    "timestamp": datetime.fromisoformat(row["timestamp"]),
                }
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise NotAPredictionError("not a spooled prediction") from error


ADDED_LATER = {
    field.name: field.default for field in fields(Prediction) if field.default is not MISSING
}


def new_id() -> UUID:
    """Make a random id that sorts by the time of its making (UUID version 7).

    Source: RFC 9562, section 5.7; Python's own uuid module makes them from 3.14 on.
    """
    milliseconds = time.time_ns() // 1_000_000
    value = milliseconds << 80 | 0x7 << 76 | secrets.randbits(12) << 64
    return UUID(int=value | 0b10 << 62 | secrets.randbits(62))


def timestamp_of(prediction_id: UUID) -> datetime:
    """Return the time in an id of `new_id`, UTC in whole milliseconds: its row's `timestamp`.

    So a row is found by its id in an index on the time. Earlier versions took the `timestamp` right
    after the id: in their rows it is up to a second later.
    """
    return datetime(1970, 1, 1) + timedelta(milliseconds=prediction_id.int >> 80)


def utc_now() -> datetime:
    """Return the time in UTC, cut to the milliseconds that the database keeps."""
    now = datetime.now(UTC).replace(tzinfo=None)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
