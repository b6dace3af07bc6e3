"""Hyperparameters and results of a fine-tuning run."""

from dataclasses import dataclass, replace
from typing import Any

from training.settings import TrainingSettings


@dataclass(frozen=True)
class Hyperparameters:
    """Hyperparameters of fine-tuning; ``batch_size`` counts texts over all processes.

    The defaults are in the ranges of both BERT (Devlin et al. 2019, appendix A.3: learning rates
    of 2e-5 to 5e-5, batches of 16 or 32, 2 to 4 epochs) and RoBERTa (Liu et al. 2019, table 10:
    1e-5 to 3e-5, 16 or 32, warm-up 0.06, weight decay 0.1). A batch of 32 takes half as many steps
    as one of 16.
    """

    epochs: float = 3
    learning_rate: float = 3e-5
    batch_size: int = 32
    warmup_ratio: float = 0.06
    """Share of all steps in which the learning rate rises."""

    weight_decay: float = 0.1

    freeze_ratio: float = 0.5
    """Share of the layers, from the lowest, that are not trained."""


NEW_HEAD_HYPERPARAMETERS = Hyperparameters(learning_rate=5e-5, batch_size=16, freeze_ratio=0.0)
"""For an encoder with a new classification head, which has more to learn."""


@dataclass(frozen=True)
class FinetuningResult:
    """Outcome of a fine-tuning run.

    ``loss`` is the mean over all steps, ``precision`` that of the forward passes, ``weights`` the
    SHA-256 of the trained weights.
    """

    hyperparameters: Hyperparameters
    steps: int
    loss: float
    duration_s: float
    processes: int
    precision: str
    weights: str


def select_hyperparameters(settings: TrainingSettings, has_new_head: bool) -> Hyperparameters:
    """Return the defaults for the base model, overridden by the settings that are not None."""
    defaults = NEW_HEAD_HYPERPARAMETERS if has_new_head else Hyperparameters()
    overrides: dict[str, Any] = {
        name: value
        for name in ("epochs", "learning_rate", "batch_size", "freeze_ratio")
        if (value := getattr(settings, name)) is not None
    }
    return replace(defaults, **overrides)
