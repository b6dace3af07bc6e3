"""transformers' Trainer, as tweets are learnt with it."""

import logging
import math
from typing import Any

import torch
from torch.utils.data import Dataset, Sampler
from transformers import (
    DataCollatorWithPadding,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from transformers.trainer_utils import TrainOutput

from training.errors import TrainingError
from training.finetuning.sampler import LengthGroupedSampler
from training.terminal import has_terminal

logger = logging.getLogger(__name__)

Row = dict[str, Any]


class DivergedError(TrainingError):
    """Tell that the weights have become unusable."""

    def __init__(self, step: int, what: str, rate: float) -> None:
        super().__init__(
            f"training came apart in step {step}: {what}, and the model is lost. Train again "
            f"with a learning rate below {rate:g}; where that does not help, look whether the "
            "base model itself holds weights that are no finite numbers"
        )


class TokenizedDataset(Dataset[Row]):
    """Hold encoded texts with their labels."""

    def __init__(self, encoded: dict[str, list[list[int]]], labels: list[int]) -> None:
        self._encoded = encoded
        self._labels = labels

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, number: int) -> Row:
        encoded = {name: column[number] for name, column in self._encoded.items()}
        return encoded | {"labels": self._labels[number]}

    @property
    def lengths(self) -> list[int]:
        """Return how many tokens each text has."""
        return [len(ids) for ids in self._encoded["input_ids"]]


class TweetTrainer(Trainer):
    """Put texts of like length into a batch, and stop where numbers are none any more."""

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        rows: TokenizedDataset,
        args: TrainingArguments,
    ) -> None:
        super().__init__(
            model=model,
            args=args,
            train_dataset=rows,
            data_collator=DataCollatorWithPadding(tokenizer),
            compute_loss_func=cross_entropy,
        )
        self._weights = tuple(model.parameters())
        self._lengths = rows.lengths
        if not has_terminal():
            self.pop_callback(PrinterCallback)
            self.add_callback(LogLinesCallback)

    def train(self, *args: Any, **kwargs: Any) -> TrainOutput:
        """Learn from all batches. Raises DivergedError."""
        outcome = super().train(*args, **kwargs)
        if not all(weight.isfinite().all() for weight in self._weights):
            raise self._diverged(self.state.global_step, "weights are no finite numbers")
        return outcome

    def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Learn from a batch. Raises DivergedError."""
        loss = super().training_step(*args, **kwargs)
        if not math.isfinite(loss):
            raise self._diverged(self.state.global_step + 1, "the loss is no finite number")
        return loss

    def _diverged(self, step: int, what: str) -> DivergedError:
        return DivergedError(step, what, self.args.learning_rate)

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        batch = self.args.train_batch_size * self.args.world_size
        return LengthGroupedSampler(self._lengths, batch, self.args.seed)


class LogLinesCallback(TrainerCallback):
    """Write a line of its own for each of Trainer's reports, as logs are kept in CI."""

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        """Tell the step, and the mean loss since the line before."""
        loss = kwargs["logs"].get("loss")
        if state.is_world_process_zero and loss is not None:  # None in the closing sums
            logger.info("step %d/%d: loss %.4f", state.global_step, state.max_steps, loss)


def cross_entropy(
    outputs: Any, labels: torch.Tensor, num_items_in_batch: torch.Tensor
) -> torch.Tensor:
    """Return the summed cross entropy over the size of the batch, which all processes share.

    Classifiers' own loss knows but their process's part of the batch: Trainer 5 would multiply
    it by the number of processes.
    """
    total = torch.nn.functional.cross_entropy(outputs.logits, labels, reduction="sum")
    return total / num_items_in_batch
