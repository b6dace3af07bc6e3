"""The benchmark of training: the speed of an epoch, and the accuracy of the trained model."""

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

from benchmarks.baselines.padded_trainer import BATCH_SIZE, MAX_TOKENS
from benchmarks.hardware import Machine
from benchmarks.model import roberta_base_config
from benchmarks.settings import Settings
from benchmarks.stats import Target, show_targets
from benchmarks.texts import TextsError, read_texts
from benchmarks.training_comparison import (
    AccuracyComparison,
    SpeedComparison,
    compare_accuracy,
    compare_speed,
)
from inference.starter import STARTER_FOLDER
from training.data.dataset import Dataset, load
from training.errors import EXPECTED
from training.finetuning.device import has_bf16
from training.finetuning.fine_tune import tokenize
from training.finetuning.pretrained import load_pretrained

ERRORS = (*EXPECTED, TextsError)

SEED = 0
MIN_SPEED_RATIO = 6.0
MAX_ACCURACY_LOSS = 0.01
"""On 2,000 rows the standard error of an accuracy is as large."""

NO_DATASET = "Accuracy is not compared: set DATASET to a folder or a repository on the Hub."


@dataclass(frozen=True, slots=True)
class Report:
    """Results of a run; ``tokens`` is the mean per text, ``accuracy`` None without a dataset."""

    machine: Machine
    torch: str
    precision: str
    model: str
    tweets: int
    tokens: float
    baseline_steps: int
    speed: SpeedComparison
    accuracy: AccuracyComparison | None

    def targets(self) -> list[Target]:
        """Return all targets."""
        targets = [
            Target("tweets/s, ours / baseline", self.speed.ratio.median, least=MIN_SPEED_RATIO)
        ]
        if self.accuracy is not None:
            difference = self.accuracy.mean_difference
            targets.append(
                Target("accuracy, ours - baseline, mean", difference, least=-MAX_ACCURACY_LOSS)
            )
        return targets

    def show(self) -> str:
        """Return tables of medians, lowest and highest values of the rounds."""
        parts = (
            f"\n{self.model} on {self.machine.show()}, torch {self.torch}: median "
            "(lowest .. highest)\n"
            f"ours: a whole epoch of {self.tweets:,} tweets in {self.precision}, "
            f"{self.tokens:.1f} tokens each on average\n"
            f"baseline: {self.baseline_steps} steps of {BATCH_SIZE} tweets padded to {MAX_TOKENS} "
            "tokens, in fp32, after one that is not measured",
            self.speed.show(),
            NO_DATASET if self.accuracy is None else self.accuracy.show(),
            show_targets(self.targets()),
        )
        return "\n\n".join(parts)


def run(settings: Settings) -> Report:
    """Compare speed, and accuracy if there is a dataset. Raises ERRORS."""
    config = settings.profile.training
    dataset = None if settings.dataset is None else load(settings.dataset)
    texts = _texts(settings, dataset)
    name, model, tokenizer = _model(settings)
    speed = compare_speed(model, tokenizer, texts, config)
    accuracy = None
    if dataset is not None:
        accuracy = compare_accuracy(dataset, config.tweets, config.seeds)
    return Report(
        machine=Machine.read(),
        torch=f"{torch.__version__}, {torch.get_num_threads()} threads",
        precision="bf16" if has_bf16() else "fp32",
        model=name,
        tweets=config.tweets,
        tokens=mean(tokenize(model, tokenizer, texts, [0] * len(texts)).lengths),
        baseline_steps=config.baseline_steps,
        speed=speed,
        accuracy=accuracy,
    )


def _texts(settings: Settings, dataset: Dataset | None) -> Sequence[str]:
    """Return texts for the speed: the dataset's, if there is one, for realistic lengths."""
    if dataset is None:
        return read_texts(settings.texts)
    return dataset.train.sample(settings.profile.training.tweets, SEED).texts


def _model(settings: Settings) -> tuple[str, PreTrainedModel, PreTrainedTokenizerBase]:
    if settings.model is not None:
        base = load_pretrained(str(settings.model), None, SEED)
        return base.name, *base.model_and_tokenizer
    torch.manual_seed(SEED)
    model = RobertaForSequenceClassification(roberta_base_config())
    return "roberta-base", model, AutoTokenizer.from_pretrained(STARTER_FOLDER)
