"""Train a starter model for one stage, on tokenized texts in padded batches."""

from collections.abc import Callable, Sequence
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset
from transformers import PreTrainedModel, Trainer

from training.finetuning.trainer import training_arguments
from training.starter.hyperparameters import TrainingStage

Row = dict[str, Any]
Collate = Callable[[Sequence[Row]], dict[str, Any]]
Loss = Callable[..., torch.Tensor]

LOGGING_STEPS = 100


class EncodedRows(Dataset[Row]):
    """Token ids of each text and, if given, its target."""

    def __init__(
        self, token_ids: Sequence[Sequence[int]], targets: np.ndarray | None = None
    ) -> None:
        self._token_ids = token_ids
        self._targets = targets

    def __len__(self) -> int:
        return len(self._token_ids)

    def __getitem__(self, index: int) -> Row:
        row: Row = {"input_ids": self._token_ids[index]}
        if self._targets is not None:
            row["labels"] = self._targets[index]
        return row


def pad(rows: Sequence[Row], pad_id: int) -> dict[str, torch.Tensor]:
    """Return int64 token ids and attention mask [rows, longest], padded on the right."""
    longest = max(len(row["input_ids"]) for row in rows)
    padded = torch.full((len(rows), longest), pad_id)
    for index, row in enumerate(rows):
        padded[index, : len(row["input_ids"])] = torch.tensor(row["input_ids"])
    return {"input_ids": padded, "attention_mask": (padded != pad_id).long()}


def run_stage(  # pylint: disable=too-many-arguments  # all but model and rows by name
    model: PreTrainedModel,
    rows: EncodedRows,
    *,
    stage: TrainingStage,
    collate: Collate,
    seed: int,
    loss: Loss | None = None,
) -> None:
    """Train the model in place, with ``loss`` or the one that the model returns.

    Texts of similar length share a batch. Nothing is saved.
    """
    with TemporaryDirectory() as folder:
        Trainer(
            model=model,
            args=training_arguments(
                folder,
                seed,
                num_train_epochs=stage.epochs,
                learning_rate=stage.learning_rate,
                per_device_train_batch_size=stage.batch_size,
                warmup_steps=0.06,
                weight_decay=0.01,
                train_sampling_strategy="group_by_length",
                remove_unused_columns=False,
                logging_steps=LOGGING_STEPS,
                use_cpu=True,
            ),
            train_dataset=rows,
            data_collator=collate,
            compute_loss_func=loss,
        ).train()
    model.eval()
