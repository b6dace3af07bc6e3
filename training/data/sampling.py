"""Sample the rows that a run trains and evaluates on."""

from dataclasses import dataclass

from training.data.dataset import Dataset, Tweets
from training.errors import TrainingError


class SizeError(TrainingError):
    """A sample is larger than its split."""

    def __init__(self, variable: str, size: int, split: str, rows: int) -> None:
        super().__init__(
            f"{variable}={size} is more than the {rows} rows of the split {split}: "
            f"set {variable} to {rows} or less, or DATASET to a larger dataset"
        )


@dataclass(frozen=True)
class SampledSplits:
    """A random sample of a dataset's train and validation splits.

    ``evaluation_indices`` are row numbers of validation, in the order of sampling.
    """

    dataset: Dataset
    seed: int
    train: Tweets
    evaluation_indices: tuple[int, ...]

    @property
    def validation(self) -> Tweets:
        """Return the whole validation split."""
        return self.dataset.evaluation

    @property
    def evaluation(self) -> Tweets:
        """Return the sampled rows of validation."""
        return self.validation.select(self.evaluation_indices)

    @property
    def fingerprint(self) -> str:
        """Return the SHA-256 of the sampled rows."""
        return Dataset(self.dataset.source, self.train, self.evaluation).fingerprint


def sample_splits(dataset: Dataset, train_size: int, eval_size: int, seed: int) -> SampledSplits:
    """Sample rows of both splits, the same ones for a seed on every machine.

    Raises SizeError, which names TRAIN_SIZE or EVAL_SIZE, if a split has fewer rows.
    """
    if train_size > len(dataset.train):
        raise SizeError("TRAIN_SIZE", train_size, "train", len(dataset.train))
    if eval_size > len(dataset.evaluation):
        raise SizeError("EVAL_SIZE", eval_size, dataset.evaluation_split, len(dataset.evaluation))
    return SampledSplits(
        dataset=dataset,
        seed=seed,
        train=dataset.train.sample(train_size, seed),
        evaluation_indices=dataset.evaluation.sample_indices(eval_size, seed),
    )
