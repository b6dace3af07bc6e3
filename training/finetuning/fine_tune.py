"""Fine-tune a classifier on labelled tweets."""

import logging
from collections.abc import Sequence
from tempfile import TemporaryDirectory
from time import perf_counter

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase, TrainingArguments

from inference.model_folder import longest_input
from inference.normalization import normalize
from training.errors import TrainingError
from training.finetuning.arguments import arguments
from training.finetuning.device import device_count, has_accelerator, has_bf16
from training.finetuning.distributed import (
    check_equal_weights,
    shutdown_process_group,
    weights_sha256,
    world_size,
)
from training.finetuning.freezing import frozen_layers, without_attention_dropout
from training.finetuning.hyperparameters import FinetuningResult, Hyperparameters
from training.finetuning.reproducibility import reproducible
from training.finetuning.trainer import TokenizedDataset, TweetTrainer

LINES_PER_RUN = 20

logger = logging.getLogger(__name__)


class BatchSizeError(TrainingError):
    """Tell that a recipe does not suit the machine."""

    def __init__(self, batch: int, processes: int) -> None:
        super().__init__(
            f"a batch of {batch} texts cannot be shared by {processes} processes alike: start "
            f"another number of them, or choose a batch that {processes} divides"
        )


def fine_tune(  # pylint: disable=too-many-arguments,too-many-positional-arguments  # each its own
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    labels: Sequence[int],
    recipe: Hyperparameters,
    seed: int,
) -> FinetuningResult:
    """Train the model in place, together with the other processes where there are some.

    Labels are the model's own class ids. The same seed on the same machine gives the same
    weights to the last bit. Afterwards all processes hold equal weights, and nothing ties them
    together any more: the main one may go on while the others end.

    Raises BatchSizeError, and, once the model has changed, DivergedError or WeightsDifferError.
    """
    start_s = perf_counter()
    rows = encode(model, tokenizer, texts, labels)
    with (
        TemporaryDirectory() as folder,
        reproducible(seed, torch.get_num_threads()),
        frozen_layers(model, recipe.freeze_ratio),
        without_attention_dropout(model),
    ):
        trainer = TweetTrainer(model, tokenizer, rows, _arguments(folder, recipe, seed))
        outcome = trainer.train()
    model.eval().cpu()  # Trainer has left it where it learnt, and computing as it learnt
    trainer.accelerator.unwrap_model(model, keep_fp32_wrapper=False)
    weights = weights_sha256(model)
    check_equal_weights(weights)
    shutdown_process_group()
    return FinetuningResult(
        recipe=recipe,
        steps=outcome.global_step,
        loss=outcome.training_loss,
        duration_s=perf_counter() - start_s,
        processes=world_size(),
        precision="bf16" if trainer.args.bf16 else "fp32",
        weights=weights,
    )


def encode(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    labels: Sequence[int],
) -> TokenizedDataset:
    """Normalise and tokenize texts as serving does, cut off at the model's own limit."""
    limits = {"model_max_length": tokenizer.model_max_length}
    longest = longest_input(model.config.to_dict(), limits)
    encoded = tokenizer([normalize(text) for text in texts], truncation=True, max_length=longest)
    return TokenizedDataset(dict(encoded), list(labels))


def _arguments(folder: str, recipe: Hyperparameters, seed: int) -> TrainingArguments:
    processes, devices = world_size(), device_count()
    if recipe.batch_size % processes:
        raise BatchSizeError(recipe.batch_size, processes)
    if processes == 1 and devices > 1:
        logger.warning(
            "Training on 1 of %d devices. To use all of them, start one process for each: "
            "`torchrun --nproc-per-node %d -m training`",
            devices,
            devices,
        )
    return arguments(
        folder,
        seed,
        num_train_epochs=recipe.epochs,
        learning_rate=recipe.learning_rate,
        per_device_train_batch_size=recipe.batch_size // processes,
        warmup_steps=recipe.warm_up,
        weight_decay=recipe.weight_decay,
        bf16=has_bf16(),
        use_cpu=not has_accelerator(),
        logging_steps=1 / LINES_PER_RUN,
        logging_nan_inf_filter=False,
    )
