"""A classifier that reads several texts in a row, as `inference.packing` lays them out."""

from typing import Any

import torch
from transformers import PreTrainedModel

from inference.packing import PackingError


class PackedClassifier(torch.nn.Module):
    """Give a classifier the inputs of `inference.packing.lay_out`, and one output, the logits.

    Each text sees only itself: attention to other segments is masked, and positions are counted
    anew. The head reads the first token of a text and nothing else, so that behind the attention
    of the last layer only first tokens are computed: that is two thirds of a layer's weights.

    Raises PackingError where the model's last layer is not of a form that is known.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self._model = model
        self._norm = _norm_behind_last_attention(model)
        self._first_position = _first_position(model)

    def forward(
        self,
        input_ids: torch.Tensor,
        segment_ids: torch.Tensor,
        position_ids: torch.Tensor,
        first_tokens: torch.Tensor,
    ) -> torch.Tensor:
        """Return the logits [texts, labels] of packed texts."""

        def keep_first_tokens(_: torch.nn.Module, inputs: tuple[torch.Tensor]) -> torch.Tensor:
            (states,) = inputs
            return states.reshape(-1, states.shape[-1])[first_tokens].unsqueeze(1)

        is_own = segment_ids[:, None, :, None] == segment_ids[:, None, None, :]
        mask = torch.zeros_like(is_own, dtype=self._model.dtype)
        handle = self._norm.register_forward_pre_hook(keep_first_tokens)
        try:
            logits: torch.Tensor = self._model(
                input_ids=input_ids,
                attention_mask=mask.masked_fill(~is_own, torch.finfo(mask.dtype).min),
                position_ids=position_ids + self._first_position,
            ).logits
        finally:
            handle.remove()
        return logits


def _norm_behind_last_attention(model: PreTrainedModel) -> torch.nn.Module:
    """Return the layer norm through which the last attention's result goes on to the end."""
    norms = [
        module
        for name, module in model.base_model.named_modules()
        if name.endswith(("attention.output.LayerNorm", "sa_layer_norm"))  # BERT's, DistilBERT's
    ]
    if not norms:
        raise PackingError(type(model).__name__, "its layers are of a form that is not known here")
    return norms[-1]


def _first_position(model: PreTrainedModel) -> int:
    """Return the number of the first position: RoBERTa's kin count on from the padding's."""
    embeddings: Any = model.base_model.embeddings
    if hasattr(embeddings, "create_position_ids_from_input_ids"):
        return int(embeddings.padding_idx) + 1
    return 0
