"""A transformers classifier that reads the packed rows of `inference.packing`."""

from typing import Any, TypeAlias

import torch
from transformers import PreTrainedModel

from inference.packing import PackingError

Tensors: TypeAlias = tuple[torch.Tensor, ...]


class PackedClassifier(torch.nn.Module):
    """Wrap a classifier: inputs as `inference.packing.collate` returns them, output the logits.

    Attention between texts of a row is masked, and positions restart with each text. The head
    reads first tokens only, so after the last layer's attention nothing else is computed, which
    saves three quarters of that layer.

    Raises PackingError if the model's last layer has an unknown structure.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self._model = model
        self._after_last_attention = _after_last_attention(model)
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
        handle = self._after_last_attention.register_forward_pre_hook(keep_first_tokens)
        try:
            logits: torch.Tensor = self._model(
                input_ids=input_ids,
                attention_mask=mask.masked_fill(~is_own, torch.finfo(mask.dtype).min),
                position_ids=position_ids + self._first_position,
            ).logits
        finally:
            handle.remove()
        return logits


def _after_last_attention(model: PreTrainedModel) -> torch.nn.Module:
    """Return the module that follows the last layer's attention."""
    found = [
        module
        for name, module in model.base_model.named_modules()
        # BERT's (which also gets the attention's inputs) and DistilBERT's
        if name.endswith(("attention.output", "sa_layer_norm"))
    ]
    if not found:
        raise PackingError(type(model).__name__, "its layers have an unknown structure")
    return found[-1]


def _first_position(model: PreTrainedModel) -> int:
    """Return the first position id: RoBERTa and its relatives start after the padding id."""
    embeddings: Any = model.base_model.embeddings
    if hasattr(embeddings, "create_position_ids_from_input_ids"):
        return int(embeddings.padding_idx) + 1
    return 0
