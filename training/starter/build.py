"""The making of the starter, from labelled tweets to a folder that can be served."""

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
from training.starter.report import StarterReport, establish
from training.starter.teacher import soft_targets
from training.starter.tokenizer import (
    encode,
    learn_vocabulary,
    load_tokenizer,
    save_tokenizer,
)

logger = logging.getLogger(__name__)


def build(
    dataset: Dataset, recipe: StarterHyperparameters, seed: int, folder: Path
) -> StarterReport:
    """Train on the train split, write the model into ``folder``, and say how good it is.

    The data set's evaluation rows are read once, at the end, for the figures alone.
    """
    train = dataset.train.sample(recipe.train_size, seed)
    model, tokenizer = _train(train, recipe, seed)
    return _export(dataset, train, Forms(model, tokenizer, folder), recipe, seed)


def export_again(
    dataset: Dataset, recipe: StarterHyperparameters, seed: int, folder: Path
) -> StarterReport:
    """Export the trained weights in ``folder`` once more, and measure what is served.

    That is what a change of the export or of the normalisation asks for.
    """
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32)
    tokenizer = load_tokenizer(folder, recipe.max_length)
    train = dataset.train.sample(recipe.train_size, seed)
    return _export(dataset, train, Forms(model, tokenizer, folder), recipe, seed)


@dataclass(frozen=True)
class Forms:
    """A trained starter, its tokenizer, and the folder that its forms are written to."""

    model: RobertaForSequenceClassification
    tokenizer: PreTrainedTokenizerFast
    folder: Path


def _train(
    train: Tweets, recipe: StarterHyperparameters, seed: int
) -> tuple[RobertaForSequenceClassification, PreTrainedTokenizerFast]:
    """Return a classifier trained from scratch, its weights rounded to float16."""
    texts = [normalize(text) for text in train.texts]
    logger.info("learning a vocabulary from %d texts", len(texts))
    tokenizer = learn_vocabulary(texts, recipe.vocabulary_size, recipe.max_length)
    token_ids = encode(tokenizer, texts)
    logger.info("pre-training on the texts without their labels")
    with reproducible(seed, recipe.threads):
        encoder = pretrain(token_ids, tokenizer, recipe, seed)
    logger.info("asking the linear teacher")
    targets = soft_targets(texts, train.labels, recipe.teacher_folds, recipe.teacher_share, seed)
    logger.info("fine-tuning")
    with reproducible(seed, recipe.threads):
        model = finetune(
            encoder,
            token_ids=token_ids,
            targets=targets,
            tokenizer=tokenizer,
            recipe=recipe,
            seed=seed,
        )
    adjust_for_class_prior(model, train.labels, recipe.balance)
    model.half().float()  # so that every form holds the weights that are kept, in float16
    return model, tokenizer


def _export(
    dataset: Dataset, train: Tweets, forms: Forms, recipe: StarterHyperparameters, seed: int
) -> StarterReport:
    """Write all forms, their figures and the card; int8 is calibrated on train texts."""
    model, tokenizer, folder = forms.model, forms.tokenizer, forms.folder
    with TemporaryDirectory() as scratch:
        logger.info("exporting to %s", folder)
        export(model, tokenizer, Path(scratch), precision="fp32")
        references = export(model, tokenizer, folder, train.texts[: recipe.calibration_size])
        save_float16(model, tokenizer, folder)
        logger.info("evaluating on %s", dataset.evaluation_split)
        facts = establish(
            dataset,
            train_size=len(train),
            seed=seed,
            int8_folder=folder,
            fp32_folder=Path(scratch),
        )
    facts.write(folder, references)
    write_card(facts, recipe, folder)
    return facts


def save_float16(
    model: RobertaForSequenceClassification, tokenizer: PreTrainedTokenizerFast, folder: Path
) -> None:
    """Write the form that transformers loads, at half the size of float32."""
    model.half().save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)  # transformers lets only its owner read it
    save_tokenizer(tokenizer, folder)
