"""Prove that a classifier reads several texts in a row as it reads each alone."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from inference.model_folder import longest_input
from inference.packed_classifier import PackedClassifier
from inference.packing import INPUTS, PackingError, collate

CHECKED_TEXTS = ("two texts", "of two lengths", "and one more, which is longer, below them")
CHECKED_ROWS = [[0, 1], [2]]
TOLERANCE = 1e-3
"""In logits; in the tests both ways differ by less than 1e-5."""


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
    arrays = collate(CHECKED_ROWS, token_ids, model.config.pad_token_id or 0)
    inputs = tuple(torch.from_numpy(arrays[name]).to(model.device) for name in INPUTS)
    with _telling_of(model):
        found = packed(*inputs)
    expected = torch.cat(
        [model(input_ids=torch.tensor([ids], device=model.device)).logits for ids in token_ids]
    )
    if found.shape != expected.shape or not torch.allclose(found, expected, atol=TOLERANCE):
        raise PackingError(
            type(model).__name__, "with several texts in a row it tells something else of them"
        )
    return packed, inputs


@contextmanager
def _telling_of(model: PreTrainedModel) -> Iterator[None]:
    """Turn whatever a model of another form raises into a PackingError."""
    try:
        yield
    except (TypeError, ValueError, RuntimeError, IndexError) as error:
        raise PackingError(
            type(model).__name__, f"it does not read several texts in a row ({error})"
        ) from error
