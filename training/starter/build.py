"""Train the starter, from labelled tweets to a folder that can be served."""

import logging
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from transformers import (
    AutoModelForSequenceClassification,
    PreTrainedTokenizerFast,
    RobertaForSequenceClassification,
)

from inference.normalization import normalize
from training.data.dataset import Dataset, Tweets
from training.export.export import export
from training.finetuning.device import reproducible
from training.starter.card import write_card
from training.starter.finetuning import adjust_for_class_prior, finetune
from training.starter.hyperparameters import StarterHyperparameters
from training.starter.pretraining import pretrain
from training.starter.report import StarterReport, evaluate_forms
from training.starter.teacher import soft_targets
from training.starter.tokenizer import (
    encode,
    load_tokenizer,
    save_tokenizer,
    train_tokenizer,
)

logger = logging.getLogger(__name__)


def build(
    dataset: Dataset, hyperparameters: StarterHyperparameters, seed: int, folder: Path
) -> StarterReport:
    """Train on the train split, write the model into ``folder``, and evaluate it.

    The evaluation rows are read once, at the end.
    """
    train = dataset.train.sample(hyperparameters.train_size, seed)
    model, tokenizer = _train(train, hyperparameters, seed)
    return _export(dataset, train, Forms(model, tokenizer, folder), hyperparameters, seed)


def export_again(
    dataset: Dataset, hyperparameters: StarterHyperparameters, seed: int, folder: Path
) -> StarterReport:
    """Export the trained weights in ``folder`` again, and evaluate them.

    Needed after changes of the export or the normalization.
    """
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32)
    tokenizer = load_tokenizer(folder, hyperparameters.max_length)
    train = dataset.train.sample(hyperparameters.train_size, seed)
    return _export(dataset, train, Forms(model, tokenizer, folder), hyperparameters, seed)


@dataclass(frozen=True)
class Forms:
    """A trained starter, its tokenizer, and the folder that its forms are written to."""

    model: RobertaForSequenceClassification
    tokenizer: PreTrainedTokenizerFast
    folder: Path


def _train(
    train: Tweets, hyperparameters: StarterHyperparameters, seed: int
) -> tuple[RobertaForSequenceClassification, PreTrainedTokenizerFast]:
    """Return a classifier trained from scratch, its weights rounded to float16."""
    texts = [normalize(text) for text in train.texts]
    logger.info("training a tokenizer on %d texts", len(texts))
    tokenizer = train_tokenizer(texts, hyperparameters.vocabulary_size, hyperparameters.max_length)
    token_ids = encode(tokenizer, texts)
    logger.info("pretraining on the texts without labels")
    with reproducible(seed, hyperparameters.threads):
        encoder = pretrain(token_ids, tokenizer, hyperparameters, seed)
    logger.info("training the linear teacher")
    targets = soft_targets(
        texts, train.labels, hyperparameters.teacher_folds, hyperparameters.teacher_share, seed
    )
    logger.info("fine-tuning")
    with reproducible(seed, hyperparameters.threads):
        model = finetune(
            encoder,
            token_ids=token_ids,
            targets=targets,
            tokenizer=tokenizer,
            hyperparameters=hyperparameters,
            seed=seed,
        )
    adjust_for_class_prior(model, train.labels, hyperparameters.balance)
    model.half().float()  # all forms have the float16 weights that are saved
    return model, tokenizer


def _export(
    dataset: Dataset,
    train: Tweets,
    forms: Forms,
    hyperparameters: StarterHyperparameters,
    seed: int,
) -> StarterReport:
    """Write all forms, their metrics and the card; int8 is calibrated on train texts."""
    model, tokenizer, folder = forms.model, forms.tokenizer, forms.folder
    with TemporaryDirectory() as scratch:
        logger.info("exporting to %s", folder)
        export(model, tokenizer, Path(scratch), precision="fp32")
        references = export(
            model, tokenizer, folder, train.texts[: hyperparameters.calibration_size]
        )
        save_float16(model, tokenizer, folder)
        logger.info("evaluating on %s", dataset.evaluation_split)
        report = evaluate_forms(
            dataset,
            train_size=len(train),
            seed=seed,
            int8_folder=folder,
            fp32_folder=Path(scratch),
        )
    report.write(folder, references)
    write_card(report, hyperparameters, folder)
    return report


def save_float16(
    model: RobertaForSequenceClassification, tokenizer: PreTrainedTokenizerFast, folder: Path
) -> None:
    """Write the weights for transformers in float16."""
    model.half().save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)  # transformers lets only its owner read it
    save_tokenizer(tokenizer, folder)
