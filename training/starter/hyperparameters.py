"""All that the starter's training was free to choose."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TrainingStage:
    """Hold how long and how fast one phase learns; the batch counts texts."""

    epochs: float
    rate: float
    batch: int


@dataclass(frozen=True)
class StarterHyperparameters:  # pylint: disable=too-many-instance-attributes  # one for each choice
    """Hold every choice of the training; the defaults are those of the committed model.

    The defaults were chosen on tweets split off from the train split, never on validation.
    Shares are in 0..1; ``None`` as a size stands for all rows.
    """

    train_size: int | None = None
    calibration_size: int = 300
    threads: int = 1
    """One, so that the sums come out the same however many cores there are."""

    vocabulary_size: int = 8_000
    max_length: int = 128
    hidden_size: int = 192
    layers: int = 3
    heads: int = 4

    pretraining: TrainingStage = TrainingStage(epochs=10, rate=1.5e-3, batch=128)
    masked_share: float = 0.2

    teacher_folds: int = 5
    teacher_share: float = 0.6
    """How much of a training target comes from the linear teacher, the rest from the label."""

    finetuning: TrainingStage = TrainingStage(epochs=4, rate=3e-4, batch=64)
    dropout: float = 0.1
    dropped_share: float = 0.15
    """The share of tokens that a pass does not get to see while fine-tuning."""

    balance: float = 0.6
    """How far the model leans from the classes' shares in train (0) to equal shares (1)."""
