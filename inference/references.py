"""Texts with the probabilities that a model's original gave, stored with every exported model."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from inference.model_folder import ModelFolder, ModelFolderError

METADATA_KEY = "self_check"
DECIMALS = 6

SCORE_BOUNDS = {"int8": 0.005, "bf16": 0.03, "fp16": 0.01, "fp32": 0.001}
"""How far the scores of a model may move, by precision, between machines and between forward
passes that other texts share. docs/speed.md has the measurements."""


@dataclass(frozen=True, slots=True)
class References:
    """Texts, and the probabilities that a model has to give to them.

    ``probabilities`` are [texts, labels], the labels in the model's order. A probability may
    differ by ``bound`` at most.
    """

    texts: tuple[str, ...]
    probabilities: tuple[tuple[float, ...], ...]
    bound: float

    @classmethod
    def of(cls, texts: Sequence[str], probabilities: np.ndarray, bound: float) -> "References":
        """Return references, rounded as they are stored."""
        rows = np.asarray(probabilities, dtype=np.float64).round(DECIMALS).tolist()
        return cls(tuple(texts), tuple(map(tuple, rows)), round(float(bound), DECIMALS))

    @classmethod
    def read(cls, folder: ModelFolder) -> "References | None":
        """Return those in a model's metadata, None if it was stored without any.

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
        """Return them as they are stored in ``metadata.json``."""
        return {METADATA_KEY: asdict(self)}

    def deviation(self, found: np.ndarray) -> float:
        """Return the largest difference to these probabilities [texts, labels]."""
        return float(np.abs(found - np.array(self.probabilities)).max())
