"""One phase of the starter's training: a model walks so often through so many rows."""

import sys
from collections.abc import Callable, Sequence
from tempfile import TemporaryDirectory
from typing import Any

import torch
from transformers import PreTrainedModel, Trainer, TrainingArguments

from training.starter.recipe import Phase
from training.starter.rows import EncodedRows, Row

Collate = Callable[[Sequence[Row]], dict[str, Any]]
Loss = Callable[..., torch.Tensor]

STEPS_PER_LINE = 100


def run_phase(  # pylint: disable=too-many-arguments  # all but model and rows by name
    model: PreTrainedModel,
    rows: EncodedRows,
    *,
    phase: Phase,
    collate: Collate,
    seed: int,
    loss: Loss | None = None,
) -> None:
    """Train the model in place; without a ``loss`` of ours it must return its own.

    Texts of like length share a batch. The rate warms up and then falls in a straight line
    to 0. Progress is a bar in a terminal and plain lines elsewhere. Nothing is saved.
    """
    with TemporaryDirectory() as folder:
        Trainer(
            model=model,
            args=_arguments(folder, phase, seed),
            train_dataset=rows,
            data_collator=collate,
            compute_loss_func=loss,
        ).train()
    model.eval()


def _arguments(folder: str, phase: Phase, seed: int) -> TrainingArguments:
    return TrainingArguments(
        output_dir=folder,
        num_train_epochs=phase.epochs,
        learning_rate=phase.rate,
        per_device_train_batch_size=phase.batch,
        lr_scheduler_type="linear",
        warmup_steps=0.06,
        weight_decay=0.01,
        adam_beta2=0.98,
        train_sampling_strategy="group_by_length",
        remove_unused_columns=False,
        save_strategy="no",
        report_to="none",
        logging_steps=STEPS_PER_LINE,
        disable_tqdm=not sys.stderr.isatty(),
        dataloader_pin_memory=False,
        use_cpu=True,
        seed=seed,
    )
