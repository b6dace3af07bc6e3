"""One row of the prediction log."""

import json
import re
import secrets
import time
from dataclasses import MISSING, dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

# PostgreSQL stores no NUL, and many clients of SQL Server end a string there. UTF-8 cannot encode
# lone surrogates.
NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")
REPLACEMENT = "\ufffd"
TO_JSON = json.JSONEncoder(ensure_ascii=False).encode


class NotAPredictionError(Exception):
    """A spooled row is not a prediction."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """One row of the table `metrics`.

    ``timestamp`` is UTC in whole milliseconds, ``text`` is None if STORE_TEXT is false,
    ``confidence`` is the probability (0..1) of ``label``, ``batch_size`` the number of texts in the
    forward pass, and ``truncated`` whether the model did not read the whole text.
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
        """Return the row as a JSON object, as it is spooled and sent to SQL Server.

        Characters outside ASCII are not escaped: escaped emoji would take three times the space on
        the disk and six times on the wire. NUL in the text, and lone surrogates anywhere, become
        U+FFFD. Fields added after the first version are left out if they have their default, since
        an earlier version (after a rollback) cannot read a row with an unknown field.
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
        """Read a row written by `to_json` of any version, ignoring unknown fields.

        Raises NotAPredictionError.
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
    """Return a random id that sorts by its creation time (UUID version 7).

    Source: RFC 9562, section 5.7; `uuid.uuid7` needs Python 3.14.
    """
    milliseconds = time.time_ns() // 1_000_000
    value = milliseconds << 80 | 0x7 << 76 | secrets.randbits(12) << 64
    return UUID(int=value | 0b10 << 62 | secrets.randbits(62))


def timestamp_of(prediction_id: UUID) -> datetime:
    """Return the creation time of an id of `new_id`, UTC in whole milliseconds: the `timestamp`.

    With it, an index on the timestamp finds the row of an id. In rows of earlier versions, the
    `timestamp` is up to a second later.
    """
    return datetime(1970, 1, 1) + timedelta(milliseconds=prediction_id.int >> 80)


def utc_now() -> datetime:
    """Return the time in UTC, truncated to the milliseconds that the database stores."""
    now = datetime.now(UTC).replace(tzinfo=None)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
