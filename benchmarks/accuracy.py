"""How good a small real model becomes by our training, and by the plain one."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from benchmarks.plain_training import train_plainly
from benchmarks.stats import Spread, table
from inference.normalization import normalize
from inference.starter import STARTER_FOLDER
from training.data.dataset import Dataset, Tweets
from training.evaluation.metrics import agreement
from training.finetuning.fine_tune import fine_tune
from training.finetuning.hyperparameters import Hyperparameters

BATCH = 50


@dataclass(frozen=True, slots=True)
class Accuracies:
    """Accuracies (0..1) on all evaluation rows, and the differences (ours - plain) by seed."""

    rows: int
    untrained: float
    plain: Spread
    ours: Spread
    difference: Spread
    mean_difference: float

    @classmethod
    def of(cls, rows: int, untrained: float, seeds: Sequence[tuple[float, float]]) -> "Accuracies":
        """Compare seeds, each with the accuracy of the plain way and of ours."""
        differences = [ours - plain for plain, ours in seeds]
        return cls(
            rows,
            untrained,
            Spread.of([plain for plain, _ in seeds]),
            Spread.of([ours for _, ours in seeds]),
            Spread.of(differences),
            sum(differences) / len(differences),
        )

    def show(self) -> str:
        """Return a table."""
        return table(
            [
                [f"the starter on {self.rows:,} rows", "accuracy"],
                ["before", f"{self.untrained:.4f}"],
                ["plain", self.plain.show(4)],
                ["ours", self.ours.show(4)],
                ["ours - plain", self.difference.show(4)],
            ]
        )


def compare_accuracies(dataset: Dataset, tweets: int, seeds: int) -> Accuracies:
    """Train the starter in both ways, on so many tweets drawn anew for each seed."""
    tokenizer = AutoTokenizer.from_pretrained(STARTER_FOLDER)
    untrained = _accuracy(_starter(), tokenizer, dataset.evaluation)
    compared = []
    for seed in range(1, seeds + 1):
        sample = dataset.train.sample(tweets, seed)
        plain, ours = _starter(), _starter()
        train_plainly(
            plain, tokenizer, sample.texts, sample.labels, recipe=Hyperparameters(), seed=seed
        )
        fine_tune(ours, tokenizer, sample.texts, sample.labels, Hyperparameters(), seed)
        pair = [_accuracy(model, tokenizer, dataset.evaluation) for model in (plain, ours)]
        print(f"seed {seed}/{seeds}  accuracy: plain {pair[0]:.4f}  ours {pair[1]:.4f}", flush=True)
        compared.append((pair[0], pair[1]))
    return Accuracies.of(len(dataset.evaluation), untrained, compared)


def _starter() -> PreTrainedModel:
    """Return the starter as it is shipped; its classes are the data set's, in their order."""
    return AutoModelForSequenceClassification.from_pretrained(STARTER_FOLDER, dtype=torch.float32)


def _accuracy(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, tweets: Tweets) -> float:
    model.eval()
    texts = [normalize(text) for text in tweets.texts]
    predicted: list[int] = []
    with torch.no_grad():
        for start in range(0, len(texts), BATCH):
            encoded = tokenizer(
                texts[start : start + BATCH], padding=True, truncation=True, return_tensors="pt"
            )
            logits = model(**encoded.to(model.device)).logits
            predicted += logits.argmax(dim=-1).tolist()
    return agreement(predicted, tweets.labels)
