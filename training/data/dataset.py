"""Load labelled tweets from the Hugging Face Hub or a local folder, and check every row."""

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
from training.errors import TrainingError

if TYPE_CHECKING:
    import datasets

logger = logging.getLogger(__name__)

LABELS = ("negative", "neutral", "positive")
DEFAULT_SOURCE = "cardiffnlp/tweet_eval"
CONFIGURATION = "sentiment"
SAMPLE_TWEETS = Path(__file__).parents[2] / "samples" / "tweets.jsonl"


@dataclass(frozen=True)
class Tweets:
    """Texts and their class ids, row by row; an id is a position in ``LABELS``."""

    texts: tuple[str, ...]
    labels: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.texts)

    def select(self, indices: Sequence[int]) -> "Tweets":
        """Return the rows with these indices, in this order."""
        return Tweets(
            tuple(self.texts[index] for index in indices),
            tuple(self.labels[index] for index in indices),
        )

    def sample(self, size: int | None, seed: int) -> "Tweets":
        """Return at most ``size`` rows in random order, without repetition; None means all."""
        return self.select(self.sample_indices(size, seed))

    def sample_indices(self, size: int | None, seed: int) -> tuple[int, ...]:
        """Return the indices of the rows of ``sample``, the same for a seed on every machine."""
        order = list(range(len(self)))
        Random(seed).shuffle(order)
        return tuple(order[:size])

    def train_test_split(self, test_size: int, seed: int) -> tuple["Tweets", "Tweets"]:
        """Return all but ``test_size`` random rows, and those rows."""
        order = self.sample_indices(None, seed)
        cut = len(self) - test_size
        return self.select(order[:cut]), self.select(order[cut:])


@dataclass(frozen=True)
class Dataset:
    """The splits of a dataset, and their origin.

    ``evaluation_split`` describes the rows of ``evaluation``; ``revision`` is the commit of a
    dataset on the Hub. ``test``, if the dataset has that split, is only reported.
    """

    source: str
    train: Tweets
    evaluation: Tweets
    evaluation_split: str = "validation"
    revision: str | None = None
    test: Tweets | None = None

    @property
    def name(self) -> str:
        """Return the Hub id, or the name of the local folder."""
        return source_name(self.source)

    @property
    def fingerprint(self) -> str:
        """Return the SHA-256 of the rows of train and evaluation, independent of the source."""
        digest = hashlib.sha256()
        for split in (self.train, self.evaluation):
            for row in zip(split.texts, split.labels):
                digest.update(json.dumps(row).encode() + b"\n")
            digest.update(b"\n")
        return digest.hexdigest()

    def hold_out(self, size: int, seed: int) -> "Dataset":
        """Return a dataset that evaluates on ``size`` rows of train, for tuning hyperparameters."""
        train, held_out = self.train.train_test_split(size, seed)
        return Dataset(self.source, train, held_out, "rows held out of train")


class DatasetError(TrainingError):
    """The setting DATASET does not name a usable dataset."""

    def __init__(self, source: str, reason: str) -> None:
        numbered = ", ".join(f"{number} {name}" for number, name in enumerate(LABELS))
        super().__init__(
            f"DATASET={source!r} cannot be used: {reason}. Set DATASET to a dataset on the "
            f"Hugging Face Hub (default: {DEFAULT_SOURCE}) or to a local folder with the same "
            f'layout: configuration "{CONFIGURATION}", splits train and validation, columns text '
            f"and label ({numbered}); or to a folder with train.csv and validation.csv with these "
            "columns"
        )


def source_name(source: str) -> str:
    """Return a Hub id as it is, and of a local folder its name without the parent folders."""
    return Path(source).resolve().name if Path(source).exists() else source


def sample_texts() -> tuple[str, ...]:
    """Return the unlabelled texts of ``samples/tweets.jsonl``."""
    with SAMPLE_TWEETS.open(encoding="utf-8") as lines:
        return tuple(json.loads(line)["text"] for line in lines)


def load(
    source: str = DEFAULT_SOURCE, token: str | None = None, revision: str | None = None
) -> Dataset:
    """Load the splits train, validation and, if present, test from a Hub id or a local folder.

    A folder has the layout of the Hub's dataset or a CSV file for each split. All splits come from
    one commit: that of ``revision`` (branch, tag or commit), by default the newest. Without the
    Hub, its cache is used. Private datasets need a token.

    Raises DatasetError if the dataset, train, validation, a column or rows are missing, or if a
    value is not a text or a known label.
    """
    if is_csv_folder(source):
        return _load_splits(
            source, partial(_load_csv, source), has_test=_has_csv_test(source), revision=None
        )
    builder = _prepare(source, token, revision)
    return _load_splits(
        source,
        partial(_load_split, builder, source),
        has_test="test" in (builder.info.splits or ()),
        revision=None if Path(source).exists() else builder.hash,
    )


def _load_splits(
    source: str, load_split: Callable[[str], Tweets], *, has_test: bool, revision: str | None
) -> Dataset:
    return Dataset(
        source=source,
        train=load_split("train"),
        evaluation=load_split("validation"),
        revision=revision,
        test=_load_test(load_split) if has_test else None,
    )


def _prepare(source: str, token: str | None, revision: str | None) -> "datasets.DatasetBuilder":
    """Download all splits of one commit, and return their builder."""
    # pylint: disable=import-outside-toplevel  # heavy
    import datasets
    from datasets.packaged_modules.cache.cache import Cache

    with _as_dataset_error(source):
        builder = datasets.load_dataset_builder(
            source, CONFIGURATION, token=token, revision=revision
        )
        builder.download_and_prepare()
    if revision is not None and isinstance(builder, Cache) and builder.hash != revision:
        raise DatasetError(
            source,
            f"the Hub is unreachable, and the cached revision is {builder.hash}, not "
            f"DATASET_REVISION={revision}",
        )
    return builder


def _load_test(load_split: Callable[[str], Tweets]) -> Tweets | None:
    try:
        return load_split("test")
    except DatasetError as error:  # such as labels that were never published
        logger.warning("No metrics on the test split: %s", error)
        return None


def _load_split(builder: "datasets.DatasetBuilder", source: str, split: str) -> Tweets:
    with _as_dataset_error(source):
        loaded = builder.as_dataset(split=split)
    missing = {"text", "label"} - set(loaded.column_names)
    if missing:
        raise DatasetError(source, f"split {split} has no column {' and '.join(sorted(missing))}")
    names = getattr(loaded.features["label"], "names", list(LABELS))
    if names != list(LABELS):
        raise DatasetError(source, f"split {split} has the labels {', '.join(names)}")
    return _validated(source, split, loaded["text"][:], loaded["label"][:])


@contextmanager
def _as_dataset_error(source: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # pylint: disable=broad-exception-caught  # its readers raise anything
        cause = error.__cause__ or error  # datasets wraps what its readers raise
        raise DatasetError(source, f"{type(cause).__name__}: {cause}".rstrip(".")) from error


def _has_csv_test(source: str) -> bool:
    try:
        return find_split(source, "test") is not None
    except CsvError as error:
        raise DatasetError(source, str(error)) from error


def _load_csv(source: str, split: str) -> Tweets:
    try:
        return _validated(source, split, *read_split(source, split, LABELS))
    except CsvError as error:
        raise DatasetError(source, str(error)) from error


def _validated(source: str, split: str, texts: list[Any], labels: list[Any]) -> Tweets:
    if not texts:
        raise DatasetError(source, f"split {split} is empty")
    for index, (text, label) in enumerate(zip(texts, labels)):
        if not isinstance(text, str):
            raise DatasetError(source, f"row {index} of split {split} has the text {text!r}")
        if not isinstance(label, int) or label not in range(len(LABELS)):
            raise DatasetError(source, f"row {index} of split {split} has the label {label!r}")
    return Tweets(tuple(texts), tuple(labels))
