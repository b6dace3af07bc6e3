"""Texts with the original model's probabilities, stored with every exported model."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from inference.model_folder import ModelFolder, ModelFolderError

METADATA_KEY = "self_check"
DECIMALS = 6

SCORE_BOUNDS = {"int8": 0.005, "bf16": 0.03, "fp16": 0.01, "fp32": 0.001}
"""By precision, how far a probability may differ between machines and between batches.

docs/speed.md has the measurements.
"""

# Written for this project: all three labels, mentions, links, emoji, other alphabets, rare words.
# Together they fit into one forward pass.
REFERENCE_TEXTS = (
    "Beautiful post!!!",
    "Lost my keys. Again.",
    "The train leaves at 9:40 from platform 2",
    "I love this so much 😍",
    "worst service ever, never coming back",
    "@someone did you see the match?",
    "new blog post https://example.com/post",
    "not bad at all, honestly",
    "ugh, Monday",
    "Thank you to the night crew, you are stars ⭐",
    "The meeting was moved to Thursday",
    "this is NOT what I paid for 😡",
    "happy birthday grandma!",
    "they cancelled it without a word",
    "Rain in the north, sun in the south",
    "can't wait for tomorrow :)",
    "so tired of waiting in line",
    "C'est la vie, señor",
    "Antidisestablishmentarianism trending?",
    "meh",
)


@dataclass(frozen=True, slots=True)
class ReferencePredictions:
    """Texts and the probabilities that a model must give them.

    ``probabilities`` are [texts, labels], the labels in the model's order; a probability may
    differ by up to ``bound``. Both are in 0..1.
    """

    texts: tuple[str, ...]
    probabilities: tuple[tuple[float, ...], ...]
    bound: float

    @classmethod
    def of(
        cls, texts: Sequence[str], probabilities: np.ndarray, bound: float
    ) -> "ReferencePredictions":
        """Round probabilities as they are stored."""
        rows = np.asarray(probabilities, dtype=np.float64).round(DECIMALS).tolist()
        return cls(tuple(texts), tuple(map(tuple, rows)), round(float(bound), DECIMALS))

    @classmethod
    def read(cls, folder: ModelFolder) -> "ReferencePredictions | None":
        """Read them from a model's metadata; None if it was stored without any.

        Raises ModelFolderError if they cannot be read or do not fit the model's labels.
        """
        stored = folder.metadata.get(METADATA_KEY)
        if stored is None:
            return None
        try:
            found = cls.of(stored["texts"], np.array(stored["probabilities"]), stored["bound"])
            shape = np.array(found.probabilities).shape
        except (KeyError, TypeError, ValueError) as error:
            raise ModelFolderError(
                folder.path, f"{METADATA_KEY!r} in its metadata.json cannot be read ({error!r})"
            ) from error
        if shape != (len(found.texts), len(folder.labels)) or not found.texts:
            raise ModelFolderError(
                folder.path, f"{METADATA_KEY!r} in its metadata.json does not fit its labels"
            )
        return found

    def to_metadata(self) -> dict[str, Any]:
        """Return what ``metadata.json`` stores."""
        return {METADATA_KEY: asdict(self)}

    def max_difference(self, probabilities: np.ndarray) -> float:
        """Return the largest difference between these and other probabilities [texts, labels]."""
        return float(np.abs(probabilities - np.array(self.probabilities)).max())
