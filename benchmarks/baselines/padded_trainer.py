"""Baseline of training: Trainer with every text padded to 128 tokens, float32, batches of 16."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from transformers import (
    DefaultDataCollator,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from inference.normalization import normalize
from training.finetuning.hyperparameters import Hyperparameters
from training.finetuning.trainer import TokenizedDataset

MAX_TOKENS = 128
BATCH_SIZE = 16


@dataclass
class StepTimes(TrainerCallback):
    """The start of each step and the end of the last one, in seconds."""

    times_s: list[float] = field(default_factory=list)

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        """Record the time."""
        self.times_s.append(perf_counter())

    def on_train_end(self, *_: Any, **__: Any) -> None:
        """Record the time."""
        self.times_s.append(perf_counter())


def train_padded(  # pylint: disable=too-many-arguments  # as fine_tune has them
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    labels: Sequence[int],
    *,
    hyperparameters: Hyperparameters,
    seed: int,
) -> float:
    """Train the model in place; return the mean seconds per step, without the first.

    Learning rate, epochs and weight decay are given, all else is Trainer's default.
    """
    encoded = tokenizer(
        [normalize(text) for text in texts],
        padding="max_length",
        truncation=True,
        max_length=MAX_TOKENS,
    )
    steps = StepTimes()
    with TemporaryDirectory() as folder:
        trainer = Trainer(
            model=model,
            args=TrainingArguments(
                output_dir=folder,
                num_train_epochs=hyperparameters.epochs,
                learning_rate=hyperparameters.learning_rate,
                weight_decay=hyperparameters.weight_decay,
                per_device_train_batch_size=BATCH_SIZE,
                seed=seed,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
                dataloader_pin_memory=False,
            ),
            train_dataset=TokenizedDataset(dict(encoded), list(labels)),
            data_collator=DefaultDataCollator(),
            callbacks=[steps],
        )
        trainer.pop_callback(PrinterCallback)
        trainer.train()
    model.eval()
    _, *later_s = steps.times_s
    return (later_s[-1] - later_s[0]) / (len(later_s) - 1)
