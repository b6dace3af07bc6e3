"""Labelled tweets: where they come from, and what has to be true of them."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from training.errors import TrainingError
from training.sources import name_of

LABELS = ("negative", "neutral", "positive")
DEFAULT_SOURCE = "cardiffnlp/tweet_eval"
CONFIGURATION = "sentiment"


@dataclass(frozen=True)
class Tweets:
    """Hold texts and their class ids, row by row; an id is a position in ``LABELS``."""

    texts: tuple[str, ...]
    labels: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.texts)

    def rows(self, numbers: Sequence[int]) -> "Tweets":
        """Return the rows with these numbers, in this order."""
        return Tweets(
            tuple(self.texts[number] for number in numbers),
            tuple(self.labels[number] for number in numbers),
        )

    def sample(self, size: int | None, seed: int) -> "Tweets":
        """Return ``size`` rows drawn at random without repetition, or all where that is fewer.

        ``None`` stands for all rows. The order is shuffled too, and rests on the seed alone.
        """
        return self.rows(self.draw(size, seed))

    def draw(self, size: int | None, seed: int) -> tuple[int, ...]:
        """Return the numbers of the rows that ``sample`` returns.

        They rest on Python's own generator, which gives the same on every machine.
        """
        order = list(range(len(self)))
        Random(seed).shuffle(order)
        return tuple(order[:size])

    def split_off(self, size: int, seed: int) -> tuple["Tweets", "Tweets"]:
        """Return the tweets parted in two at random: all but ``size`` rows, and those rows."""
        shuffled = self.sample(None, seed)
        cut = len(self) - size
        return shuffled.rows(range(cut)), shuffled.rows(range(cut, len(self)))


@dataclass(frozen=True)
class Dataset:
    """Hold the two splits that training and evaluation read, and where they came from.

    ``evaluated_on`` says in words which rows the second one holds.
    """

    source: str
    train: Tweets
    evaluation: Tweets
    evaluated_on: str = "validation"

    @property
    def name(self) -> str:
        """Return the source without the folders above it, which differ between machines."""
        return name_of(self.source)

    @property
    def fingerprint(self) -> str:
        """Return the SHA-256 of all rows, the same wherever the same rows were loaded from."""
        digest = hashlib.sha256()
        for split in (self.train, self.evaluation):
            for row in zip(split.texts, split.labels):
                digest.update(json.dumps(row).encode() + b"\n")
            digest.update(b"\n")
        return digest.hexdigest()

    def hold_out(self, size: int, seed: int) -> "Dataset":
        """Return a data set for making choices on, which leaves the evaluation rows unread.

        ``size`` rows of train take their place, and train is what remains.
        """
        train, held_out = self.train.split_off(size, seed)
        return Dataset(self.source, train, held_out, "rows held out of train")


class DatasetError(TrainingError):
    """Tell that the setting DATASET does not lead to usable tweets."""

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(
            f"DATASET={source!r} cannot be used: {reason}. Set DATASET to a data set on the "
            f"Hugging Face Hub (default: {DEFAULT_SOURCE}) or to a local folder laid out like "
            f'it, with a configuration "{CONFIGURATION}", the splits train and validation and '
            f"the columns text and label ({_numbered_labels()})"
        )


def load(source: str = DEFAULT_SOURCE, token: str | None = None) -> Dataset:
    """Load the splits train and validation from a Hub id or a local folder.

    A private one on the Hub wants a token. Raises DatasetError, which names DATASET, where there
    is no such data set, or where it lacks a split, a column or rows, or holds a value that is no
    text or no known label.
    """
    return Dataset(
        source=source,
        train=_load_split(source, "train", token),
        evaluation=_load_split(source, "validation", token),
    )


def _load_split(source: str, split: str, token: str | None) -> Tweets:
    import datasets  # pylint: disable=import-outside-toplevel  # heavy: only who loads pays

    try:
        loaded = datasets.load_dataset(source, CONFIGURATION, split=split, token=token)
    except Exception as error:  # pylint: disable=broad-exception-caught  # its readers raise anything
        told = error.__cause__ or error  # what failed inside datasets' own generating
        raise DatasetError(source, f"{type(told).__name__}: {told}".rstrip(".")) from error
    missing = {"text", "label"} - set(loaded.column_names)
    if missing:
        raise DatasetError(source, f"split {split} has no column {' and '.join(sorted(missing))}")
    names = getattr(loaded.features["label"], "names", list(LABELS))
    if names != list(LABELS):
        raise DatasetError(source, f"split {split} has the labels {', '.join(names)}")
    return _checked(source, split, loaded["text"][:], loaded["label"][:])


def _checked(source: str, split: str, texts: list[Any], labels: list[Any]) -> Tweets:
    if not texts:
        raise DatasetError(source, f"split {split} is empty")
    for number, (text, label) in enumerate(zip(texts, labels)):
        if not isinstance(text, str):
            raise DatasetError(source, f"row {number} of split {split} has the text {text!r}")
        if not isinstance(label, int) or label not in range(len(LABELS)):
            raise DatasetError(source, f"row {number} of split {split} has the label {label!r}")
    return Tweets(tuple(texts), tuple(labels))


def _numbered_labels() -> str:
    return ", ".join(f"{number} {name}" for number, name in enumerate(LABELS))
