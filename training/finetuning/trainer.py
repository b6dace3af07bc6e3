"""transformers' Trainer for tokenized tweets: arguments, sampling, loss and divergence checks."""

import logging
import math
import sys
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

logger = logging.getLogger(__name__)

Row = dict[str, Any]


class DivergedError(TrainingError):
    """The loss or the weights are NaN or infinite."""

    def __init__(self, step: int, what: str, rate: float) -> None:
        super().__init__(
            f"training diverged at step {step}: {what} NaN or infinite. Train again with a "
            f"learning rate below {rate:g}; if that fails too, check the weights of the base model"
        )


class SingleDeviceArguments(TrainingArguments):
    """Arguments that train on one device per process.

    With several GPUs in one process, Trainer would use torch's DataParallel and multiply the loss
    of the whole batch by the number of GPUs (transformers 5.23, ``Trainer.compute_loss``).
    """

    @property
    def n_gpu(self) -> int:
        """Return 1 with GPUs, else 0."""
        return min(super().n_gpu, 1)


def training_arguments(folder: str, seed: int, **choices: Any) -> TrainingArguments:
    """Return Trainer's arguments: shared defaults and the ``choices`` of one training.

    The learning rate rises during warm-up, then falls linearly to 0. Nothing is saved or reported;
    the folder stays empty. Progress bars need a terminal.
    """
    return SingleDeviceArguments(
        output_dir=folder,
        seed=seed,
        lr_scheduler_type="linear",
        adam_beta2=0.98,
        save_strategy="no",
        report_to="none",
        disable_tqdm=not sys.stderr.isatty(),
        dataloader_pin_memory=False,
        **choices,
    )


class TokenizedDataset(Dataset[Row]):
    """Tokenized texts with their labels."""

    def __init__(self, encoded: dict[str, list[list[int]]], labels: list[int]) -> None:
        self._encoded = encoded
        self._labels = labels

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> Row:
        encoded = {name: column[index] for name, column in self._encoded.items()}
        return encoded | {"labels": self._labels[index]}

    @property
    def lengths(self) -> list[int]:
        """Return the number of tokens of each text."""
        return [len(ids) for ids in self._encoded["input_ids"]]


class TweetTrainer(Trainer):
    """Trainer that batches texts of similar length, and stops if training diverges."""

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        dataset: TokenizedDataset,
        args: TrainingArguments,
    ) -> None:
        super().__init__(
            model=model,
            args=args,
            train_dataset=dataset,
            data_collator=DataCollatorWithPadding(tokenizer),
            compute_loss_func=cross_entropy,
        )
        self._weights = tuple(model.parameters())
        self._lengths = dataset.lengths
        if args.disable_tqdm:
            self.pop_callback(PrinterCallback)
            self.add_callback(LogLinesCallback)

    def train(self, *args: Any, **kwargs: Any) -> TrainOutput:
        """Train on all batches. Raises DivergedError."""
        output = super().train(*args, **kwargs)
        if not all(weight.isfinite().all() for weight in self._weights):
            raise self._diverged(self.state.global_step, "weights are")
        return output

    def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Train on a batch. Raises DivergedError."""
        loss = super().training_step(*args, **kwargs)
        if not math.isfinite(loss):
            raise self._diverged(self.state.global_step + 1, "the loss is")
        return loss

    def _diverged(self, step: int, what: str) -> DivergedError:
        return DivergedError(step, what, self.args.learning_rate)

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        batch_size = self.args.train_batch_size * self.args.world_size
        return LengthGroupedSampler(self._lengths, batch_size, self.args.seed)


class LogLinesCallback(TrainerCallback):
    """Log progress in lines, for CI and log files."""

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        """Log the step and the mean loss since the previous line."""
        loss = kwargs["logs"].get("loss")
        if state.is_world_process_zero and loss is not None:  # None in the final summary
            logger.info("step %d/%d: loss %.4f", state.global_step, state.max_steps, loss)


def cross_entropy(
    outputs: Any, labels: torch.Tensor, num_items_in_batch: torch.Tensor
) -> torch.Tensor:
    """Return the summed cross entropy divided by the batch size over all processes.

    The models' own loss is the mean over the process's part of the batch, which Trainer 5 would
    multiply by the number of processes.
    """
    total = torch.nn.functional.cross_entropy(outputs.logits, labels, reduction="sum")
    return total / num_items_in_batch
