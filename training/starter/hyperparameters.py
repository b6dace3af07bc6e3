"""Hyperparameters of the starter's training."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TrainingStage:
    """Epochs, learning rate and batch size, in texts, of one stage."""

    epochs: float
    learning_rate: float
    batch_size: int


@dataclass(frozen=True)
class StarterHyperparameters:  # pylint: disable=too-many-instance-attributes  # one for each choice
    """Hyperparameters of the starter; the defaults are those of the committed model.

    They were tuned on tweets held out of train, never on validation. Shares are in 0..1; a size of
    None means all rows.
    """

    train_size: int | None = None
    calibration_size: int = 300
    threads: int = 1
    """One, so that sums do not depend on the number of cores."""

    vocabulary_size: int = 8_000
    max_length: int = 128
    hidden_size: int = 192
    layers: int = 3
    heads: int = 4

    pretraining: TrainingStage = TrainingStage(epochs=10, learning_rate=1.5e-3, batch_size=128)
    masked_share: float = 0.2

    teacher_folds: int = 5
    teacher_share: float = 0.6
    """Weight of the linear teacher in a training target; the rest is the label."""

    finetuning: TrainingStage = TrainingStage(epochs=4, learning_rate=3e-4, batch_size=64)
    dropout: float = 0.1
    dropped_share: float = 0.15
    """Share of tokens that are masked in fine-tuning."""

    balance: float = 0.6
    """Adjustment from the class shares in train (0) to equal shares (1)."""
