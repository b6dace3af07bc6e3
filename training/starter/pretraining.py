"""First stage: pretrain an encoder on tweets by masked language modelling."""

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
from training.starter.stage import EncodedRows, Row, run_stage


# pylint: disable-next=too-many-ancestors,abstract-method  # as its own parent in transformers
class SparseMaskedLM(RobertaForMaskedLM):
    """RoBERTa's masked language model, which predicts only the masked tokens.

    The library's own predicts every token and ignores most, which doubles the work of a model with
    half of its weights in the vocabulary.
    """

    def forward(  # pylint: disable=arguments-differ  # only what this stage passes
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, labels: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """Return the mean loss of the masked tokens, whose label is not -100."""
        states = self.roberta(input_ids, attention_mask=attention_mask).last_hidden_state
        masked = labels != -100
        predicted = self.lm_head(states[masked])
        return {"loss": torch.nn.functional.cross_entropy(predicted, labels[masked])}


def pretrain(
    token_ids: Sequence[Sequence[int]],
    tokenizer: PreTrainedTokenizerFast,
    hyperparameters: StarterHyperparameters,
    seed: int,
) -> RobertaModel:
    """Return an encoder trained from scratch on unlabelled texts.

    Dropout is off: a model this small does not overfit texts that are masked differently in each
    epoch, and the random numbers cost a tenth of the time.
    """
    model = SparseMaskedLM(encoder_config(tokenizer, hyperparameters))
    mask_tokens = DataCollatorForLanguageModeling(
        tokenizer, mlm_probability=hyperparameters.masked_share
    )

    def collate(rows: Sequence[Row]) -> dict[str, Any]:
        batch: dict[str, Any] = mask_tokens(list(rows))
        return batch

    run_stage(
        model,
        EncodedRows(token_ids),
        stage=hyperparameters.pretraining,
        collate=collate,
        seed=seed,
    )
    return model.roberta


def encoder_config(
    tokenizer: PreTrainedTokenizerFast, hyperparameters: StarterHyperparameters
) -> RobertaConfig:
    """Return the configuration of the untrained model."""
    # pylint: disable-next=unexpected-keyword-arg  # transformers makes its fields at run time
    return RobertaConfig(
        vocab_size=len(tokenizer),
        hidden_size=hyperparameters.hidden_size,
        num_hidden_layers=hyperparameters.layers,
        num_attention_heads=hyperparameters.heads,
        intermediate_size=4 * hyperparameters.hidden_size,
        max_position_embeddings=hyperparameters.max_length + tokenizer.pad_token_id + 1,
        type_vocab_size=1,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        id2label=dict(enumerate(LABELS)),
        label2id={name: number for number, name in enumerate(LABELS)},
    )
