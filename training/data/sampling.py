"""The rows that a training run learns from and is judged on."""

from dataclasses import dataclass

from training.data.dataset import Dataset, Tweets
from training.errors import TrainingError


class SizeError(TrainingError):
    """Tell that more rows are asked for than a split has."""

    def __init__(self, variable: str, size: int, split: str, rows: int) -> None:
        super().__init__(
            f"{variable}={size} is more than the {rows} rows of the split {split}: "
            f"set {variable} to {rows} or less, or DATASET to a larger data set"
        )


@dataclass(frozen=True)
class SampledSplits:
    """Hold the subsets that a seed draws from a data set.

    ``evaluation_indices`` are row numbers of the split validation, in the order of drawing.
    """

    dataset: Dataset
    seed: int
    train: Tweets
    evaluation_indices: tuple[int, ...]

    @property
    def validation(self) -> Tweets:
        """Return the whole split validation."""
        return self.dataset.evaluation

    @property
    def evaluation(self) -> Tweets:
        """Return the rows of validation that were drawn."""
        return self.validation.rows(self.evaluation_indices)

    @property
    def fingerprint(self) -> str:
        """Return the SHA-256 of the rows that were drawn."""
        return Dataset(self.dataset.source, self.train, self.evaluation).fingerprint


def sample_splits(dataset: Dataset, train_size: int, eval_size: int, seed: int) -> SampledSplits:
    """Draw rows of both splits at random, the same ones for the same seed on every machine.

    Raises SizeError, which names TRAIN_SIZE or EVAL_SIZE, where a split has fewer rows.
    """
    if train_size > len(dataset.train):
        raise SizeError("TRAIN_SIZE", train_size, "train", len(dataset.train))
    if eval_size > len(dataset.evaluation):
        raise SizeError("EVAL_SIZE", eval_size, dataset.evaluated_on, len(dataset.evaluation))
    return SampledSplits(
        dataset=dataset,
        seed=seed,
        train=dataset.train.sample(train_size, seed),
        evaluation_indices=dataset.evaluation.sample_indices(eval_size, seed),
    )
