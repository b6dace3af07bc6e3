"""Speed up fine-tuning: freeze layers and skip attention dropout while a block runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile
from typing import Any

from torch import nn
from transformers import AttentionInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

WITH_DROPOUT = "sdpa"
WITHOUT_DROPOUT = "sdpa_without_dropout"


@contextmanager
def frozen_layers(model: PreTrainedModel, ratio: float) -> Iterator[None]:
    """Freeze the embeddings and the lowest ``ratio`` (0..1) of the layers, and their dropout.

    A thousand tweets contain few of the vocabulary's tokens: training would move those away from
    the others, which only weight decay would change. Lower layers change least in fine-tuning
    (Merchant et al. 2020), and need no backward pass if frozen.

    If the layers share their weights, only the embeddings are frozen.
    """
    below = list(_below_first_trained_layer(model, ratio))
    weights = [weight for module in below for weight in module.parameters(recurse=False)]
    trainable = [weight for weight in weights if weight.requires_grad]
    dropouts = {module: module.p for module in below if isinstance(module, nn.Dropout)}
    for weight in trainable:
        weight.requires_grad_(False)
    for dropout in dropouts:
        dropout.p = 0.0
    try:
        yield
    finally:
        for weight in trainable:
            weight.requires_grad_(True)
        for dropout, probability in dropouts.items():
            dropout.p = probability


@contextmanager
def without_attention_dropout(model: PreTrainedModel) -> Iterator[None]:
    """Disable the dropout of attention weights; the dropout between layers stays.

    torch's fast attention kernel for CPUs has no dropout; the slow one took a fifth of the time of
    RoBERTa-base.
    """
    if model.config._attn_implementation != WITH_DROPOUT:  # pylint: disable=protected-access  # it has no other name
        yield
        return
    AttentionInterface.register(WITHOUT_DROPOUT, _attention)
    AttentionMaskInterface.register(WITHOUT_DROPOUT, sdpa_mask)
    model.set_attn_implementation(WITHOUT_DROPOUT)
    try:
        yield
    finally:
        model.set_attn_implementation(WITH_DROPOUT)


def _below_first_trained_layer(model: PreTrainedModel, ratio: float) -> Iterator[nn.Module]:
    layers = _layers(model)
    if layers is None:
        return iter([model.get_input_embeddings()])
    first = layers[int(ratio * len(layers))]
    return takewhile(lambda module: module is not first, model.base_model.modules())


def _layers(model: PreTrainedModel) -> nn.ModuleList | None:
    """Return the encoder layers from the lowest to the highest, or None if they share weights."""
    return next(
        (
            module
            for module in model.base_model.modules()
            if isinstance(module, nn.ModuleList) and len(module) == model.config.num_hidden_layers
        ),
        None,
    )


def _attention(*args: Any, **options: Any) -> Any:
    return sdpa_attention_forward(*args, **options | {"dropout": 0.0})
