"""What fine-tuning was free to choose, and what came of it."""

from dataclasses import dataclass, replace
from typing import Any

from training.settings import TrainingSettings


@dataclass(frozen=True)
class Hyperparameters:
    """Hold what fine-tuning was free to choose; ``batch_size`` counts texts, over all processes.

    The defaults lie where the ranges of BERT (Devlin et al. 2019, appendix A.3: rates of 2e-5
    to 5e-5, batches of 16 or 32, 2 to 4 epochs) and RoBERTa (Liu et al. 2019, table 10: rates
    of 1e-5 to 3e-5, batches of 16 or 32, warm-up 0.06, weight decay 0.1) meet; a batch of 32
    takes half as many steps as one of 16, and they are fuller.
    """

    epochs: float = 3
    learning_rate: float = 3e-5
    batch_size: int = 32
    warm_up: float = 0.06
    """The share of all steps in which the rate rises."""

    weight_decay: float = 0.1

    freeze_ratio: float = 0.5
    """The share of the layers, from the lowest, that stay as they are."""


NEW_HEAD_HYPERPARAMETERS = Hyperparameters(learning_rate=5e-5, batch_size=16, freeze_ratio=0.0)
"""For an encoder that was no classifier yet: all of its layers have more to learn."""


@dataclass(frozen=True)
class FinetuningResult:
    """Tell of a fine-tuning that ended well.

    ``loss`` is the mean over all steps, ``precision`` what the model learnt in, ``weights`` the
    SHA-256 of the trained weights, the same in all processes.
    """

    recipe: Hyperparameters
    steps: int
    loss: float
    duration_s: float
    processes: int
    precision: str
    weights: str


def select_hyperparameters(settings: TrainingSettings, has_new_head: bool) -> Hyperparameters:
    """Return the recipe that suits the base model, but for what the settings ask for."""
    suited = NEW_HEAD_HYPERPARAMETERS if has_new_head else Hyperparameters()
    asked: dict[str, Any] = {
        name: value
        for name in ("epochs", "learning_rate", "batch_size", "freeze_ratio")
        if (value := getattr(settings, name)) is not None
    }
    return replace(suited, **asked)
