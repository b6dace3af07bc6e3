"""What fine-tuning leaves out of a training to be quick, for as long as a block lasts."""

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
def frozen_layers(model: PreTrainedModel, share: float) -> Iterator[None]:
    """Keep the embeddings and the lowest ``share`` (0..1) of the layers as they are.

    Few of the vocabulary's tokens are in a thousand tweets: training would move those away
    from all the others, which weight decay alone would change. Layers near the input change
    least in fine-tuning (Merchant et al. 2020), and what is below the first one that learns
    costs no way back. There is no dropout down there: nothing would learn from its noise.

    Of a model whose layers share their weights, the embeddings alone are kept.
    """
    below = list(_below(model, share))
    weights = [weight for part in below for weight in part.parameters(recurse=False)]
    learning = [weight for weight in weights if weight.requires_grad]
    dropouts = {part: part.p for part in below if isinstance(part, nn.Dropout)}
    for weight in learning:
        weight.requires_grad_(False)
    for dropout in dropouts:
        dropout.p = 0.0
    try:
        yield
    finally:
        for weight in learning:
            weight.requires_grad_(True)
        for dropout, probability in dropouts.items():
            dropout.p = probability


@contextmanager
def without_attention_dropout(model: PreTrainedModel) -> Iterator[None]:
    """Leave no attention out at random, as models otherwise do while they learn.

    torch's quick kernel for attention knows no dropout on processors; the slow one took a
    fifth of the time at RoBERTa-base size. The dropout between the layers stays.
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


def _below(model: PreTrainedModel, share: float) -> Iterator[nn.Module]:
    """Yield the parts of the model that come before the first layer that learns."""
    layers = _layers(model)
    if layers is None:
        return iter([model.get_input_embeddings()])
    first = layers[int(share * len(layers))]
    return takewhile(lambda part: part is not first, model.base_model.modules())


def _layers(model: PreTrainedModel) -> nn.ModuleList | None:
    """Return the layers, from the one next to the embeddings to the last."""
    return next(
        (
            part
            for part in model.base_model.modules()
            if isinstance(part, nn.ModuleList) and len(part) == model.config.num_hidden_layers
        ),
        None,
    )


def _attention(*args: Any, **options: Any) -> Any:
    return sdpa_attention_forward(*args, **options | {"dropout": 0.0})
