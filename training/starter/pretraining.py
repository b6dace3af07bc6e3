"""The first phase: an encoder learns the language of tweets by filling gaps in them."""

from collections.abc import Sequence
from typing import Any

import torch
from transformers import (
    DataCollatorForLanguageModeling,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForMaskedLM,
    RobertaModel,
)

from training.data.dataset import LABELS
from training.starter.hyperparameters import StarterHyperparameters
from training.starter.rows import EncodedRows, Row
from training.starter.stage import run_stage


# pylint: disable-next=too-many-ancestors,abstract-method  # as its own parent in transformers
class SparseMaskedLM(RobertaForMaskedLM):
    """RoBERTa's masked language model, which guesses at the gaps only.

    The library's own guesses at every token and forgets most of it again, which doubles the
    work of a model whose vocabulary is half of its weights.
    """

    def forward(  # pylint: disable=arguments-differ  # only what this phase passes
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, labels: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """Return the mean loss over the gaps, the tokens whose label is not -100."""
        states = self.roberta(input_ids, attention_mask=attention_mask).last_hidden_state
        gaps = labels != -100
        guesses = self.lm_head(states[gaps])
        return {"loss": torch.nn.functional.cross_entropy(guesses, labels[gaps])}


def pretrain(
    token_ids: Sequence[Sequence[int]],
    tokenizer: PreTrainedTokenizerFast,
    recipe: StarterHyperparameters,
    seed: int,
) -> RobertaModel:
    """Return an encoder trained from scratch on texts without their labels.

    Dropout is off in this phase: a model this small does not come to remember a text whose
    gaps are somewhere else in every pass, and the random numbers cost a tenth of the time.
    """
    model = SparseMaskedLM(encoder_config(tokenizer, recipe))
    mask = DataCollatorForLanguageModeling(tokenizer, mlm_probability=recipe.masked_share)

    def collate(rows: Sequence[Row]) -> dict[str, Any]:
        batch: dict[str, Any] = mask(list(rows))
        return batch

    run_stage(
        model,
        EncodedRows(token_ids),
        phase=recipe.pretraining,
        collate=collate,
        seed=seed,
    )
    return model.roberta


def encoder_config(
    tokenizer: PreTrainedTokenizerFast, recipe: StarterHyperparameters
) -> RobertaConfig:
    """Return the configuration of an untrained model of the recipe's size."""
    # pylint: disable-next=unexpected-keyword-arg  # transformers makes its fields at run time
    return RobertaConfig(
        vocab_size=len(tokenizer),
        hidden_size=recipe.hidden_size,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        intermediate_size=4 * recipe.hidden_size,
        max_position_embeddings=recipe.max_length + tokenizer.pad_token_id + 1,
        type_vocab_size=1,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        id2label=dict(enumerate(LABELS)),
        label2id={name: number for number, name in enumerate(LABELS)},
    )
