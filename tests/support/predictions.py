"""Predictions for tests."""

from datetime import datetime

from db.prediction import Prediction, new_id

HARD_TEXTS = [
    "😀👩‍👩‍👧‍👦🇩🇪" * 500,
    "\U0001f600" * 5000,
    "\u202eright to left \u05d0\u05d1 \u0627\u0644\u0639\u0631\u0628\u064a\u0629",
    "line\nbreak\ttab \u2028 \u0085 \x1b",
    " spaces around ",
    "quote ' and \" and \\ and ; DROP TABLE metrics -- {} ? :name %s",
    "x" * 5000,
]
# A text, and how it is stored.
REPLACED_TEXTS = {
    "NUL \x00 inside": "NUL \ufffd inside",
    "half a pair \ud83d, the other \ude00": "half a pair \ufffd, the other \ufffd",
}


def prediction(words: str | None = "good", *, truncated: bool = False) -> Prediction:
    """Return a prediction with a new id."""
    return Prediction(
        id=new_id(),
        timestamp=datetime(2026, 2, 3, 4, 5, 6, 789000),
        text=words,
        latency_ms=12.345,
        label="positive",
        confidence=0.987654,
        model_tag="sentiment:abc",
        batch_size=3,
        truncated=truncated,
    )
