"""The benchmark of training: how quick an epoch is, and whether the model becomes as good."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

import torch
from transformers import (
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    RobertaForSequenceClassification,
)

from benchmarks.accuracy import Accuracies, compare_accuracies
from benchmarks.epochs import Epochs, compare_epochs
from benchmarks.hardware import Machine
from benchmarks.plain_training import BATCH, LENGTH
from benchmarks.random_model import roberta_base
from benchmarks.settings import Settings
from benchmarks.stats import table
from benchmarks.targets import Goal
from benchmarks.texts import TextsError, read_texts
from inference.starter import STARTER_FOLDER
from training.data.dataset import Dataset, load
from training.errors import EXPECTED
from training.finetuning.device import has_bf16
from training.finetuning.fine_tune import encode
from training.finetuning.pretrained import load_pretrained

ERRORS = (*EXPECTED, TextsError)

SEED = 0
LEAST_RATIO = 6.0
MOST_LOST = 0.01
"""In accuracy; on 2,000 rows its standard error is as much."""

NO_DATASET = (
    "No accuracy was compared, as there are no labels to train on: let DATASET name a folder or "
    "a repository on the Hub."
)


@dataclass(frozen=True, slots=True)
class Report:
    """All figures of a run; no ``accuracies`` where no data set was named.

    ``tokens`` is how many the texts have on average: the fewer, the more padding can be spared.
    """

    machine: Machine
    torch: str
    precision: str
    model: str
    tweets: int
    tokens: float
    plain_steps: int
    epochs: Epochs
    accuracies: Accuracies | None

    def goals(self) -> list[Goal]:
        """Return what was wanted, and what came of it."""
        goals = [Goal("tweets/s, ours / plain", self.epochs.ratio.median, least=LEAST_RATIO)]
        if self.accuracies is not None:
            gained = self.accuracies.mean_difference
            goals.append(Goal("accuracy, ours - plain, mean", gained, least=-MOST_LOST))
        return goals

    def show(self) -> str:
        """Return it as text: medians of the rounds, between the lowest and the highest."""
        goals = [["goal", "measured", "wanted", ""], *(goal.show() for goal in self.goals())]
        return "\n".join(
            (
                f"\n{self.model} on {self.machine.show()}, torch {self.torch}: median "
                "(lowest .. highest)\n"
                f"ours: a whole epoch of {self.tweets:,} tweets in {self.precision}, "
                f"{self.tokens:.1f} tokens each on average\n"
                f"plain: {self.plain_steps} steps of {BATCH} tweets padded to {LENGTH} tokens, in "
                "fp32, after one that does not count\n",
                self.epochs.show(),
                "",
                NO_DATASET if self.accuracies is None else self.accuracies.show(),
                "",
                table(goals),
            )
        )


def run(settings: Settings) -> Report:
    """Measure all of it; nothing is written. Raises what is in ERRORS."""
    settings.output.mkdir(parents=True, exist_ok=True)
    lessons = settings.effort.training
    dataset = None if settings.dataset is None else load(settings.dataset)
    texts = _texts(settings, dataset)
    name, model, tokenizer = _model(settings)
    epochs = compare_epochs(model, tokenizer, texts, lessons)
    accuracies = None
    if dataset is not None:
        accuracies = compare_accuracies(dataset, lessons.tweets, lessons.seeds)
    return Report(
        machine=Machine.read(),
        torch=f"{torch.__version__}, {torch.get_num_threads()} threads",
        precision="bf16" if has_bf16() else "fp32",
        model=name,
        tweets=lessons.tweets,
        tokens=mean(encode(model, tokenizer, texts, [0] * len(texts)).lengths),
        plain_steps=lessons.plain_steps,
        epochs=epochs,
        accuracies=accuracies,
    )


def _texts(settings: Settings, dataset: Dataset | None) -> Sequence[str]:
    """Return tweets of the data set where there is one: how long they are is what counts."""
    if dataset is None:
        return read_texts(settings.texts)
    return dataset.train.sample(settings.effort.training.tweets, SEED).texts


def _model(settings: Settings) -> tuple[str, PreTrainedModel, PreTrainedTokenizerBase]:
    if settings.model is not None:
        base = load_pretrained(str(settings.model), None, SEED)
        return base.name, *base.model_and_tokenizer
    torch.manual_seed(SEED)
    model = RobertaForSequenceClassification(roberta_base())
    return "roberta-base", model, AutoTokenizer.from_pretrained(STARTER_FOLDER)
