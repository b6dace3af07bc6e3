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
from training.finetuning.device import device_count, has_accelerator, has_bf16, reproducible
from training.finetuning.distributed import (
    check_equal_weights,
    shutdown_process_group,
    weights_sha256,
    world_size,
)
from training.finetuning.freezing import frozen_layers, without_attention_dropout
from training.finetuning.hyperparameters import FinetuningResult, Hyperparameters
from training.finetuning.trainer import TokenizedDataset, TweetTrainer, training_arguments

LOG_LINES = 20

logger = logging.getLogger(__name__)


class BatchSizeError(TrainingError):
    """The batch size is not divisible by the number of processes."""

    def __init__(self, batch_size: int, processes: int) -> None:
        super().__init__(
            f"BATCH_SIZE={batch_size} is not divisible by {processes} processes: change either"
        )


def fine_tune(  # pylint: disable=too-many-arguments,too-many-positional-arguments  # each its own
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    labels: Sequence[int],
    hyperparameters: Hyperparameters,
    seed: int,
) -> FinetuningResult:
    """Train the model in place, together with the other processes if there are any.

    Labels are the model's own class ids. The same seed on the same machine gives bit-identical
    weights. Afterwards the model is on the CPU in float32 and evaluation mode, all processes have
    equal weights, and the process group is shut down.

    Raises BatchSizeError, and, after the model has changed, DivergedError or WeightsDifferError.
    """
    start_s = perf_counter()
    dataset = tokenize(model, tokenizer, texts, labels)
    with (
        TemporaryDirectory() as folder,
        reproducible(seed, torch.get_num_threads()),
        frozen_layers(model, hyperparameters.freeze_ratio),
        without_attention_dropout(model),
    ):
        arguments = _arguments(folder, hyperparameters, seed)
        trainer = TweetTrainer(model, tokenizer, dataset, arguments)
        output = trainer.train()
    model.eval().cpu()  # Trainer leaves it on its device, in its mixed precision
    trainer.accelerator.unwrap_model(model, keep_fp32_wrapper=False)
    weights = weights_sha256(model)
    check_equal_weights(weights)
    shutdown_process_group()
    return FinetuningResult(
        hyperparameters=hyperparameters,
        steps=output.global_step,
        loss=output.training_loss,
        duration_s=perf_counter() - start_s,
        processes=world_size(),
        precision="bf16" if arguments.bf16 else "fp32",
        weights=weights,
    )


def tokenize(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    labels: Sequence[int],
) -> TokenizedDataset:
    """Normalise and tokenize texts as serving does, truncated to the model's limit."""
    limits = {"model_max_length": tokenizer.model_max_length}
    longest = longest_input(model.config.to_dict(), limits)
    encoded = tokenizer([normalize(text) for text in texts], truncation=True, max_length=longest)
    return TokenizedDataset(dict(encoded), list(labels))


def _arguments(folder: str, hyperparameters: Hyperparameters, seed: int) -> TrainingArguments:
    processes, devices = world_size(), device_count()
    if hyperparameters.batch_size % processes:
        raise BatchSizeError(hyperparameters.batch_size, processes)
    if processes == 1 and devices > 1:
        logger.warning(
            "Training on 1 of %d devices. To use all of them, start one process for each: "
            "`torchrun --nproc-per-node %d -m training`",
            devices,
            devices,
        )
    return training_arguments(
        folder,
        seed,
        num_train_epochs=hyperparameters.epochs,
        learning_rate=hyperparameters.learning_rate,
        per_device_train_batch_size=hyperparameters.batch_size // processes,
        warmup_steps=hyperparameters.warmup_ratio,
        weight_decay=hyperparameters.weight_decay,
        bf16=has_bf16(),
        use_cpu=not has_accelerator(),
        logging_steps=1 / LOG_LINES,
        logging_nan_inf_filter=False,
    )
