"""Second stage: fine-tune the encoder as a classifier."""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from transformers import (
    PreTrainedTokenizerFast,
    RobertaForSequenceClassification,
    RobertaModel,
)

from training.starter.hyperparameters import StarterHyperparameters
from training.starter.stage import EncodedRows, Row, pad, run_stage


def finetune(  # pylint: disable=too-many-arguments  # all but the encoder by name
    encoder: RobertaModel,
    *,
    token_ids: Sequence[Sequence[int]],
    targets: np.ndarray,
    tokenizer: PreTrainedTokenizerFast,
    hyperparameters: StarterHyperparameters,
    seed: int,
) -> RobertaForSequenceClassification:
    """Return a classifier made of the encoder; targets are [texts, classes]."""
    config = copy.deepcopy(encoder.config)
    config.hidden_dropout_prob = hyperparameters.dropout
    config.attention_probs_dropout_prob = hyperparameters.dropout
    model = RobertaForSequenceClassification(config)
    model.roberta.load_state_dict(encoder.state_dict())

    def collate(rows: Sequence[Row]) -> dict[str, Any]:
        batch = pad(rows, tokenizer.pad_token_id)
        mask_tokens(batch["input_ids"], tokenizer, hyperparameters.dropped_share)
        return batch | {"labels": torch.from_numpy(np.stack([row["labels"] for row in rows]))}

    run_stage(
        model,
        EncodedRows(token_ids, targets),
        stage=hyperparameters.finetuning,
        collate=collate,
        seed=seed,
        loss=cross_entropy,
    )
    return model


def mask_tokens(token_ids: torch.Tensor, tokenizer: PreTrainedTokenizerFast, share: float) -> None:
    """Mask about this share of the tokens in place, except special ones."""
    special = torch.isin(token_ids, torch.tensor(tokenizer.all_special_ids))
    token_ids[(torch.rand(token_ids.shape) < share) & ~special] = tokenizer.mask_token_id


def cross_entropy(outputs: Any, labels: torch.Tensor, **_: Any) -> torch.Tensor:
    """Return the mean cross entropy between logits and target distributions."""
    return torch.nn.functional.cross_entropy(outputs.logits, labels)


def adjust_for_class_prior(
    model: RobertaForSequenceClassification, labels: Sequence[int], balance: float
) -> None:
    """Adjust the last bias from the class shares in training towards equal shares.

    A model trained on unequal classes adds the logarithm of their shares to its logits; ``balance``
    (0..1) times that logarithm is subtracted (logit adjustment, Menon et al. 2021).
    """
    shares = np.bincount(labels) / len(labels)
    with torch.no_grad():
        model.classifier.out_proj.bias.sub_(torch.from_numpy(balance * np.log(shares)).float())
