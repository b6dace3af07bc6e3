"""One phase of the starter's training: a model walks so often through so many rows."""

from collections.abc import Callable, Sequence
from tempfile import TemporaryDirectory
from typing import Any

import torch
from transformers import PreTrainedModel, Trainer

from training.finetuning.trainer import training_arguments
from training.starter.hyperparameters import TrainingStage
from training.starter.rows import EncodedRows, Row

Collate = Callable[[Sequence[Row]], dict[str, Any]]
Loss = Callable[..., torch.Tensor]

STEPS_PER_LINE = 100


def run_stage(  # pylint: disable=too-many-arguments  # all but model and rows by name
    model: PreTrainedModel,
    rows: EncodedRows,
    *,
    phase: TrainingStage,
    collate: Collate,
    seed: int,
    loss: Loss | None = None,
) -> None:
    """Train the model in place; without a ``loss`` of ours it must return its own.

    Texts of like length share a batch. Nothing is saved.
    """
    with TemporaryDirectory() as folder:
        Trainer(
            model=model,
            args=training_arguments(
                folder,
                seed,
                num_train_epochs=phase.epochs,
                learning_rate=phase.rate,
                per_device_train_batch_size=phase.batch,
                warmup_steps=0.06,
                weight_decay=0.01,
                train_sampling_strategy="group_by_length",
                remove_unused_columns=False,
                logging_steps=STEPS_PER_LINE,
                use_cpu=True,
            ),
            train_dataset=rows,
            data_collator=collate,
            compute_loss_func=loss,
        ).train()
    model.eval()
