"""Labelled tweets: where they come from, and what has to be true of them."""

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from training.data.csv_files import CsvError, find_split, is_csv_folder, read_split
from training.data.sources import source_name
from training.errors import TrainingError

if TYPE_CHECKING:
    import datasets

logger = logging.getLogger(__name__)

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
        return self.rows(self.sample_indices(size, seed))

    def sample_indices(self, size: int | None, seed: int) -> tuple[int, ...]:
        """Return the numbers of the rows that ``sample`` returns.

        They rest on Python's own generator, which gives the same on every machine.
        """
        order = list(range(len(self)))
        Random(seed).shuffle(order)
        return tuple(order[:size])

    def train_test_split(self, size: int, seed: int) -> tuple["Tweets", "Tweets"]:
        """Return the tweets parted in two at random: all but ``size`` rows, and those rows."""
        shuffled = self.sample(None, seed)
        cut = len(self) - size
        return shuffled.rows(range(cut)), shuffled.rows(range(cut, len(self)))


@dataclass(frozen=True)
class Dataset:
    """Hold the two splits that training and evaluation read, and where they came from.

    ``evaluated_on`` says in words which rows the second one holds; ``revision`` is the commit of a
    data set on the Hub. ``test``, if the data set has that split, is for reports alone.
    """

    source: str
    train: Tweets
    evaluation: Tweets
    evaluated_on: str = "validation"
    revision: str | None = None
    test: Tweets | None = None

    @property
    def name(self) -> str:
        """Return the source without the folders above it, which differ between machines."""
        return source_name(self.source)

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
        train, held_out = self.train.train_test_split(size, seed)
        return Dataset(self.source, train, held_out, "rows held out of train")


class DatasetError(TrainingError):
    """Tell that the setting DATASET does not lead to usable tweets."""

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(
            f"DATASET={source!r} cannot be used: {reason}. Set DATASET to a data set on the "
            f"Hugging Face Hub (default: {DEFAULT_SOURCE}) or to a local folder laid out like "
            f'it, with a configuration "{CONFIGURATION}", the splits train and validation and '
            f"the columns text and label ({_numbered_labels()}), or to a folder with train.csv and "
            "validation.csv of these columns"
        )


def load(
    source: str = DEFAULT_SOURCE, token: str | None = None, revision: str | None = None
) -> Dataset:
    """Load the splits train, validation and, if it has one, test from a Hub id or a local folder.

    The folder is laid out like the Hub's, or holds a CSV file for each split. A private one on the
    Hub wants a token. All splits are of one commit: that of ``revision``, a branch, tag or commit,
    by default the newest. Without the Hub, what it gave last is loaded.

    Raises DatasetError, which names DATASET, where there is no such data set, or where it lacks
    train, validation, a column or rows, or holds a value that is no text or no known label.
    """
    if is_csv_folder(source):
        return _loaded(
            source, partial(_load_csv, source), has_test=_has_csv_test(source), revision=None
        )
    builder = _prepared(source, token, revision)
    return _loaded(
        source,
        partial(_load_split, builder, source),
        has_test="test" in (builder.info.splits or ()),
        revision=None if Path(source).exists() else builder.hash,
    )


def _loaded(
    source: str, load_split: Callable[[str], Tweets], *, has_test: bool, revision: str | None
) -> Dataset:
    return Dataset(
        source=source,
        train=load_split("train"),
        evaluation=load_split("validation"),
        revision=revision,
        test=_load_test(load_split) if has_test else None,
    )


def _prepared(source: str, token: str | None, revision: str | None) -> "datasets.DatasetBuilder":
    """Return what reads the splits of one commit, all of which are on the disk by then."""
    import datasets  # pylint: disable=import-outside-toplevel  # heavy: only who loads pays
    from datasets.packaged_modules.cache.cache import (  # pylint: disable=import-outside-toplevel
        Cache,
    )

    with _telling_of(source):
        builder = datasets.load_dataset_builder(
            source, CONFIGURATION, token=token, revision=revision
        )
        builder.download_and_prepare()
    if revision is not None and isinstance(builder, Cache) and builder.hash != revision:
        raise DatasetError(
            source,
            f"the Hub cannot be reached, and what it gave last is of revision {builder.hash}, "
            f"not {revision}, which DATASET_REVISION asks for",
        )
    return builder


def _load_test(load_split: Callable[[str], Tweets]) -> Tweets | None:
    try:
        return load_split("test")
    except DatasetError as error:  # such as labels that were never published
        logger.warning("Nothing will be reported on the split test: %s", error)
        return None


def _load_split(builder: "datasets.DatasetBuilder", source: str, split: str) -> Tweets:
    with _telling_of(source):
        loaded = builder.as_dataset(split=split)
    missing = {"text", "label"} - set(loaded.column_names)
    if missing:
        raise DatasetError(source, f"split {split} has no column {' and '.join(sorted(missing))}")
    names = getattr(loaded.features["label"], "names", list(LABELS))
    if names != list(LABELS):
        raise DatasetError(source, f"split {split} has the labels {', '.join(names)}")
    return _checked(source, split, loaded["text"][:], loaded["label"][:])


@contextmanager
def _telling_of(source: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # pylint: disable=broad-exception-caught  # its readers raise anything
        told = error.__cause__ or error  # what failed inside datasets' own generating
        raise DatasetError(source, f"{type(told).__name__}: {told}".rstrip(".")) from error


def _has_csv_test(source: str) -> bool:
    try:
        return find_split(source, "test") is not None
    except CsvError as error:
        raise DatasetError(source, str(error)) from error


def _load_csv(source: str, split: str) -> Tweets:
    try:
        return _checked(source, split, *read_split(source, split, LABELS))
    except CsvError as error:
        raise DatasetError(source, str(error)) from error


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
