"""Speed and accuracy of our training beside the baseline's."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice

import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from benchmarks.baselines.padded_trainer import BATCH_SIZE, train_padded
from benchmarks.loadgen import alternating
from benchmarks.settings import TrainingConfig
from benchmarks.stats import Spread, table
from inference.normalization import normalize
from inference.starter import STARTER_FOLDER
from training.data.dataset import Dataset, Tweets
from training.evaluation.metrics import agreement
from training.finetuning.fine_tune import fine_tune
from training.finetuning.hyperparameters import Hyperparameters

ONE_EPOCH = Hyperparameters(epochs=1)
CLASSES = 3
EVAL_BATCH_SIZE = 50


@dataclass(frozen=True, slots=True)
class SpeedComparison:
    """Tweets per second of training, and the ratios (ours / baseline) by round."""

    baseline: Spread
    ours: Spread
    ratio: Spread

    @classmethod
    def of(cls, rounds: Sequence[tuple[float, float]]) -> "SpeedComparison":
        """Compare rounds of tweets per second, each of the baseline and of ours."""
        return cls(
            Spread.of([baseline for baseline, _ in rounds]),
            Spread.of([ours for _, ours in rounds]),
            Spread.of([ours / baseline for baseline, ours in rounds]),
        )

    def show(self) -> str:
        """Return a table."""
        return table(
            [
                ["training", "tweets/s"],
                ["baseline", self.baseline.show(2)],
                ["ours", self.ours.show(2)],
                ["ours / baseline", self.ratio.show(2)],
            ]
        )


@dataclass(frozen=True, slots=True)
class AccuracyComparison:
    """Accuracies (0..1) on all evaluation rows, and differences (ours - baseline) by seed."""

    rows: int
    untrained: float
    baseline: Spread
    ours: Spread
    difference: Spread
    mean_difference: float

    @classmethod
    def of(
        cls, rows: int, untrained: float, seeds: Sequence[tuple[float, float]]
    ) -> "AccuracyComparison":
        """Compare seeds, each with the accuracy of the baseline and of ours."""
        differences = [ours - baseline for baseline, ours in seeds]
        return cls(
            rows,
            untrained,
            Spread.of([baseline for baseline, _ in seeds]),
            Spread.of([ours for _, ours in seeds]),
            Spread.of(differences),
            sum(differences) / len(differences),
        )

    def show(self) -> str:
        """Return a table."""
        return table(
            [
                [f"the starter on {self.rows:,} rows", "accuracy"],
                ["untrained", f"{self.untrained:.4f}"],
                ["baseline", self.baseline.show(4)],
                ["ours", self.ours.show(4)],
                ["ours - baseline", self.difference.show(4)],
            ]
        )


def compare_speed(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    config: TrainingConfig,
) -> SpeedComparison:
    """Train copies of the model, round by round.

    Ours trains a whole epoch, from texts to hashed weights. All steps of the baseline have one
    shape, so a few are enough to estimate an epoch; its set-up is not counted.
    """
    texts = list(islice(cycle(texts), config.tweets))
    labels = [number % CLASSES for number in range(len(texts))]
    baseline_rows = BATCH_SIZE * (1 + config.baseline_steps)

    def tweets_per_s(name: str, seed: int) -> float:
        learner = copy.deepcopy(model)
        if name == "ours":
            result = fine_tune(learner, tokenizer, texts, labels, ONE_EPOCH, seed)
            return len(texts) / result.duration_s
        few = (texts[:baseline_rows], labels[:baseline_rows])
        step_s = train_padded(learner, tokenizer, *few, hyperparameters=ONE_EPOCH, seed=seed)
        return BATCH_SIZE / step_s

    rounds = []
    for number, names in enumerate(alternating(("baseline", "ours"), config.rounds), 1):
        measured = {}
        for name in names:
            measured[name] = tweets_per_s(name, number)
            print(
                f"round {number}/{config.rounds}  {name:8}  {measured[name]:6.2f} tweets/s",
                flush=True,
            )
        rounds.append((measured["baseline"], measured["ours"]))
    return SpeedComparison.of(rounds)


def compare_accuracy(dataset: Dataset, tweets: int, seeds: int) -> AccuracyComparison:
    """Train the starter in both ways, on a new sample of tweets for each seed."""
    tokenizer = AutoTokenizer.from_pretrained(STARTER_FOLDER)
    untrained = _accuracy(_starter(), tokenizer, dataset.evaluation)
    compared = []
    for seed in range(1, seeds + 1):
        sample = dataset.train.sample(tweets, seed)
        rows, hyperparameters = (sample.texts, sample.labels), Hyperparameters()
        baseline, ours = _starter(), _starter()
        train_padded(baseline, tokenizer, *rows, hyperparameters=hyperparameters, seed=seed)
        fine_tune(ours, tokenizer, *rows, hyperparameters, seed)
        pair = tuple(_accuracy(model, tokenizer, dataset.evaluation) for model in (baseline, ours))
        print(
            f"seed {seed}/{seeds}  accuracy: baseline {pair[0]:.4f}  ours {pair[1]:.4f}", flush=True
        )
        compared.append((pair[0], pair[1]))
    return AccuracyComparison.of(len(dataset.evaluation), untrained, compared)


def _starter() -> PreTrainedModel:
    """Return the starter; its labels are the dataset's, in the same order."""
    return AutoModelForSequenceClassification.from_pretrained(STARTER_FOLDER, dtype=torch.float32)


def _accuracy(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, tweets: Tweets) -> float:
    model.eval()
    texts = [normalize(text) for text in tweets.texts]
    predicted: list[int] = []
    with torch.no_grad():
        for start in range(0, len(texts), EVAL_BATCH_SIZE):
            batch = texts[start : start + EVAL_BATCH_SIZE]
            encoded = tokenizer(batch, padding=True, truncation=True, return_tensors="pt")
            logits = model(**encoded.to(model.device)).logits
            predicted += logits.argmax(dim=-1).tolist()
    return agreement(predicted, tweets.labels)
