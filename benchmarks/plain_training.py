"""Training as it is done at first: every text padded to 128 tokens, float32, batches of 16."""

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

LENGTH = 128
BATCH = 16


@dataclass
class Clock(TrainerCallback):
    """Note when each step begins, and when the last one ends."""

    times_s: list[float] = field(default_factory=list)

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        """Note the time."""
        self.times_s.append(perf_counter())

    def on_train_end(self, *_: Any, **__: Any) -> None:
        """Note the time."""
        self.times_s.append(perf_counter())


def train_plainly(  # pylint: disable=too-many-arguments  # as fine_tune has them, and a limit
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    labels: Sequence[int],
    *,
    recipe: Hyperparameters,
    seed: int,
) -> float:
    """Train the model in place; return the seconds of a step, the mean without the first.

    Rate, epochs and weight decay are the recipe's, all else is Trainer's own choice.
    """
    encoded = tokenizer(
        [normalize(text) for text in texts],
        padding="max_length",
        truncation=True,
        max_length=LENGTH,
    )
    clock = Clock()
    with TemporaryDirectory() as folder:
        trainer = Trainer(
            model=model,
            args=TrainingArguments(
                output_dir=folder,
                num_train_epochs=recipe.epochs,
                learning_rate=recipe.learning_rate,
                weight_decay=recipe.weight_decay,
                per_device_train_batch_size=BATCH,
                seed=seed,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
                dataloader_pin_memory=False,
            ),
            train_dataset=TokenizedDataset(dict(encoded), list(labels)),
            data_collator=DefaultDataCollator(),
            callbacks=[clock],
        )
        trainer.pop_callback(PrinterCallback)
        trainer.train()
    model.eval()
    _, *later_s = clock.times_s
    return (later_s[-1] - later_s[0]) / (len(later_s) - 1)
