"""A classifier that reads several texts in a row, as `inference.packing` lays them out."""

from typing import Any, TypeAlias

import torch
from transformers import PreTrainedModel

from inference.packing import PackingError

Tensors: TypeAlias = tuple[torch.Tensor, ...]


class PackedClassifier(torch.nn.Module):
    """Give a classifier the inputs of `inference.packing.lay_out`, and one output, the logits.

    Each text sees only itself: attention to other segments is masked, and positions are counted
    anew. The head reads the first token of a text and nothing else, so that behind the attention
    of the last layer only first tokens are computed: that is three quarters of a layer's weights.

    Raises PackingError where the model's last layer is not of a form that is known.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self._model = model
        self._behind_last_attention = _behind_last_attention(model)
        self._size = int(model.config.hidden_size)
        self._first_position = _first_position(model)

    def forward(
        self,
        input_ids: torch.Tensor,
        segment_ids: torch.Tensor,
        position_ids: torch.Tensor,
        first_tokens: torch.Tensor,
    ) -> torch.Tensor:
        """Return the logits [texts, labels] of packed texts."""

        def keep_first_tokens(_: torch.nn.Module, inputs: Tensors) -> Tensors:
            rows = (states.reshape(-1, self._size) for states in inputs)
            return tuple(states[first_tokens].unsqueeze(1) for states in rows)

        is_own = segment_ids[:, None, :, None] == segment_ids[:, None, None, :]
        mask = torch.zeros_like(is_own, dtype=self._model.dtype)
        handle = self._behind_last_attention.register_forward_pre_hook(keep_first_tokens)
        try:
            logits: torch.Tensor = self._model(
                input_ids=input_ids,
                attention_mask=mask.masked_fill(~is_own, torch.finfo(mask.dtype).min),
                position_ids=position_ids + self._first_position,
            ).logits
        finally:
            handle.remove()
        return logits


def _behind_last_attention(model: PreTrainedModel) -> torch.nn.Module:
    """Return the module through which the last attention's result goes on to the end."""
    found = [
        module
        for name, module in model.base_model.named_modules()
        # BERT's, which is given what the attention read as well, and DistilBERT's
        if name.endswith(("attention.output", "sa_layer_norm"))
    ]
    if not found:
        raise PackingError(type(model).__name__, "its layers are of a form that is not known here")
    return found[-1]


def _first_position(model: PreTrainedModel) -> int:
    """Return the number of the first position: RoBERTa's kin count on from the padding's."""
    embeddings: Any = model.base_model.embeddings
    if hasattr(embeddings, "create_position_ids_from_input_ids"):
        return int(embeddings.padding_idx) + 1
    return 0
