"""A classifier that reads several texts in a row, as `inference.packing` lays them out."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from inference.model_folder import longest_input
from inference.packing import INPUTS, lay_out
from training.errors import TrainingError

CHECKED_TEXTS = ("two texts", "of two lengths", "and one more, which is longer, below them")
CHECKED_ROWS = [[0, 1], [2]]
TOLERANCE = 1e-3
"""In logits; in the tests both ways differ by less than 1e-5."""


class PackingError(TrainingError):
    """Tell that a model cannot read several texts in a row."""

    def __init__(self, model: PreTrainedModel, reason: str) -> None:
        super().__init__(
            f"{type(model).__name__} cannot be served: {reason}. Choose a BERT, DistilBERT, "
            "RoBERTa or XLM-RoBERTa as BASE_MODEL"
        )


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
        handle = self._norm.register_forward_pre_hook(keep_first_tokens)
        try:
            logits: torch.Tensor = self._model(
                input_ids=input_ids,
                attention_mask=torch.where(is_own, 0.0, torch.finfo(torch.float32).min),
                position_ids=position_ids + self._first_position,
            ).logits
        finally:
            handle.remove()
        return logits


def pack_classifier(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase
) -> tuple[PackedClassifier, tuple[torch.Tensor, ...]]:
    """Return a model in evaluation mode in its packed form, and inputs to trace that with.

    Raises PackingError where the packed form does not give what the model itself does, as with
    positions that are relative to other tokens.
    """
    packed = PackedClassifier(model)
    longest = longest_input(
        model.config.to_dict(), {"model_max_length": tokenizer.model_max_length}
    )
    token_ids = [
        tokenizer(text, truncation=True, max_length=longest)["input_ids"] for text in CHECKED_TEXTS
    ]
    arrays = lay_out(CHECKED_ROWS, token_ids, model.config.pad_token_id or 0)
    inputs = tuple(torch.from_numpy(arrays[name]).to(model.device) for name in INPUTS)
    with _telling_of(model):
        found = packed(*inputs)
    expected = torch.cat(
        [model(input_ids=torch.tensor([ids], device=model.device)).logits for ids in token_ids]
    )
    if found.shape != expected.shape or not torch.allclose(found, expected, atol=TOLERANCE):
        raise PackingError(model, "with several texts in a row it tells something else of them")
    return packed, inputs


@contextmanager
def _telling_of(model: PreTrainedModel) -> Iterator[None]:
    """Turn whatever a model of another form raises into a PackingError."""
    try:
        yield
    except (TypeError, ValueError, RuntimeError, IndexError) as error:
        raise PackingError(model, f"it does not read several texts in a row ({error})") from error


def _norm_behind_last_attention(model: PreTrainedModel) -> torch.nn.Module:
    """Return the layer norm through which the last attention's result goes on to the end."""
    norms = [
        module
        for name, module in model.base_model.named_modules()
        if name.endswith(("attention.output.LayerNorm", "sa_layer_norm"))  # BERT's, DistilBERT's
    ]
    if not norms:
        raise PackingError(model, "its layers are of a form that is not known here")
    return norms[-1]


def _first_position(model: PreTrainedModel) -> int:
    """Return the number of the first position: RoBERTa's kin count on from the padding's."""
    embeddings: Any = model.base_model.embeddings
    if hasattr(embeddings, "create_position_ids_from_input_ids"):
        return int(embeddings.padding_idx) + 1
    return 0
