"""Encoded tweets as Trainer reads them, and how a few of them become a padded batch."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

Row = dict[str, Any]


class EncodedRows(Dataset[Row]):
    """Hold the token ids of each text and, where they are known, its target."""

    def __init__(
        self, token_ids: Sequence[Sequence[int]], targets: np.ndarray | None = None
    ) -> None:
        self._token_ids = token_ids
        self._targets = targets

    def __len__(self) -> int:
        return len(self._token_ids)

    def __getitem__(self, number: int) -> Row:
        row: Row = {"input_ids": self._token_ids[number]}
        if self._targets is not None:
            row["labels"] = self._targets[number]
        return row


def pad(rows: Sequence[Row], pad_id: int) -> dict[str, torch.Tensor]:
    """Return int64 token ids and attention mask [rows, longest], padded on the right."""
    longest = max(len(row["input_ids"]) for row in rows)
    padded = torch.full((len(rows), longest), pad_id)
    for number, row in enumerate(rows):
        padded[number, : len(row["input_ids"])] = torch.tensor(row["input_ids"])
    return {"input_ids": padded, "attention_mask": (padded != pad_id).long()}
