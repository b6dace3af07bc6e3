"""Fine-tune a classifier on labelled tweets."""

from collections.abc import Sequence
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from time import perf_counter

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase, TrainingArguments

from inference.model_folder import longest_input
from inference.normalization import normalize
from training.arguments import arguments
from training.chance import fixed_chance
from training.device import device_count, has_accelerator, has_bf16, prepare_repeatable
from training.processes import check_equal, digest, part, process_count
from training.thrift import frozen, no_attention_dropout
from training.trainer import TweetRows, TweetTrainer

LINES_PER_RUN = 20


@dataclass(frozen=True)
class Recipe:
    """Hold what fine-tuning was free to choose; the batch counts texts, over all processes.

    The defaults lie where the ranges of BERT (Devlin et al. 2019, appendix A.3: rates of 2e-5
    to 5e-5, batches of 16 or 32, 2 to 4 epochs) and RoBERTa (Liu et al. 2019, table 10: rates
    of 1e-5 to 3e-5, batches of 16 or 32, warm-up 0.06, weight decay 0.1) meet; a batch of 32
    takes half as many steps as one of 16, and they are fuller.
    """

    epochs: float = 3
    rate: float = 3e-5
    batch: int = 32
    warm_up: float = 0.06
    """The share of all steps in which the rate rises."""

    weight_decay: float = 0.1

    frozen_share: float = 0.5
    """The share of the layers, from the lowest, that stay as they are."""


FOR_NEW_CLASSIFIERS = Recipe(rate=5e-5, batch=16, frozen_share=0.0)
"""For an encoder that was no classifier yet: all of its layers have more to learn."""


class RecipeError(ValueError):
    """Tell that a recipe does not suit the machine."""

    def __init__(self, batch: int, parts: int) -> None:
        super().__init__(
            f"a batch of {batch} texts cannot be shared by {parts} processes or devices alike: "
            f"start another number of them, or choose a batch that {parts} divides"
        )


@dataclass(frozen=True)
class TrainingRun:
    """Tell of a run that ended well.

    ``loss`` is the mean over all steps, ``weights`` the SHA-256 of the trained weights, the
    same in all processes.
    """

    steps: int
    loss: float
    duration_s: float
    processes: int
    precision: str
    weights: str


def fine_tune(  # pylint: disable=too-many-arguments,too-many-positional-arguments  # each its own
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    labels: Sequence[int],
    recipe: Recipe,
    seed: int,
) -> TrainingRun:
    """Train the model in place, together with the other processes where there are some.

    Labels are the model's own class ids. The same seed on the same machine gives the same
    weights to the last bit. Afterwards all processes hold equal weights, and nothing ties them
    together any more: the main one may go on while the others end.

    Raises RecipeError, and, once the model has changed, DivergedError or WeightsDifferError.
    """
    start_s = perf_counter()
    prepare_repeatable()
    rows = encode(model, tokenizer, texts, labels)
    with (
        TemporaryDirectory() as folder,
        fixed_chance(seed, torch.get_num_threads()),
        frozen(model, recipe.frozen_share),
        no_attention_dropout(model),
    ):
        trainer = TweetTrainer(model, tokenizer, rows, _arguments(folder, recipe, seed))
        outcome = trainer.train()
    model.eval()
    weights = digest(model)
    check_equal(weights)
    part()
    return TrainingRun(
        steps=outcome.global_step,
        loss=outcome.training_loss,
        duration_s=perf_counter() - start_s,
        processes=process_count(),
        precision="bf16" if trainer.args.bf16 else "fp32",
        weights=weights,
    )


def encode(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    labels: Sequence[int],
) -> TweetRows:
    """Normalise and tokenize texts as serving does, cut off at the model's own limit."""
    limits = {"model_max_length": tokenizer.model_max_length}
    longest = longest_input(model.config.to_dict(), limits)
    encoded = tokenizer([normalize(text) for text in texts], truncation=True, max_length=longest)
    return TweetRows(dict(encoded), list(labels))


def _arguments(folder: str, recipe: Recipe, seed: int) -> TrainingArguments:
    processes = process_count()
    parts = processes if processes > 1 else device_count()
    if recipe.batch % parts:
        raise RecipeError(recipe.batch, parts)
    return arguments(
        folder,
        seed,
        num_train_epochs=recipe.epochs,
        learning_rate=recipe.rate,
        per_device_train_batch_size=recipe.batch // parts,
        warmup_steps=recipe.warm_up,
        weight_decay=recipe.weight_decay,
        bf16=has_bf16(),
        use_cpu=not has_accelerator(),
        logging_steps=1 / LINES_PER_RUN,
        logging_nan_inf_filter=False,
    )
