"""One prediction as it is recorded."""

import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Prediction:
    """One row of the table `metrics`.

    ``timestamp`` is UTC in whole milliseconds, ``confidence`` the probability (0..1) of
    ``label``, ``batch_size`` the number of texts that shared the forward pass.
    """

    id: UUID
    timestamp: datetime
    text: str
    latency_ms: float
    label: str
    confidence: float
    model_tag: str
    batch_size: int


def new_id() -> UUID:
    """Make a random id that sorts by the time of its making (UUID version 7).

    Source: RFC 9562, section 5.7; Python's own uuid module makes them from 3.14 on.
    """
    milliseconds = time.time_ns() // 1_000_000
    value = milliseconds << 80 | 0x7 << 76 | secrets.randbits(12) << 64
    return UUID(int=value | 0b10 << 62 | secrets.randbits(62))


def utc_now() -> datetime:
    """Return the time in UTC, cut to the milliseconds that the database keeps."""
    now = datetime.now(UTC).replace(tzinfo=None)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
