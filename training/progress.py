"""How far a training is, for where no progress bar can be seen."""

import logging
import sys
from typing import Any

import datasets
import transformers
from huggingface_hub.utils.tqdm import disable_progress_bars
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

logger = logging.getLogger(__name__)


def has_terminal() -> bool:
    """Tell whether somebody can watch a progress bar, which is drawn on the error stream."""
    return sys.stderr.isatty()


def hide_bars_without_terminal() -> None:
    """Keep the libraries' progress bars out of logs, for as long as this process runs."""
    if not has_terminal():
        datasets.disable_progress_bars()
        disable_progress_bars()  # of the Hub's client
        transformers.utils.logging.disable_progress_bar()


class PlainLines(TrainerCallback):
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
