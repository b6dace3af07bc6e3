"""Pack several texts into each row of a forward pass, so that little padding is computed.

If each text were padded to the longest of its batch, most of a batch would be padding, and each
combination of texts and tokens a new shape, which a runtime must prepare for. Packed rows have
little padding and about 20 shapes in all.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np

ModelInputs: TypeAlias = dict[str, np.ndarray]
TokenIds: TypeAlias = Sequence[Sequence[int]] | Mapping[int, Sequence[int]]
Row: TypeAlias = list[int]
"""Indices of the texts that share a row, from left to right."""

INPUTS = ("input_ids", "segment_ids", "position_ids", "first_tokens")
"""The inputs of a served graph; see `collate`."""

# Wider rows compute more attention that is masked; narrower rows have more padding.
ROW_TOKENS = 128
ROWS = 4
# A row with fewer tokens is faster in a narrower pass of its own.
FULL_ROW_TOKENS = 88
WIDTH_STEP = 8
LONG_WIDTH_STEP = 64
SINGLE_TEXT_WIDTHS = (28, 36)
"""Widths of passes with one short text; most tweets fit, so runtimes compile for them.

With 32 and 48 instead, the median latency of RoBERTa-base was a tenth longer.
"""


class PackingError(Exception):
    """A model cannot read packed rows."""

    def __init__(self, architecture: str, reason: str) -> None:
        super().__init__(
            f"{architecture} cannot be served: {reason}. Choose a BERT, DistilBERT, RoBERTa or "
            "XLM-RoBERTa as BASE_MODEL"
        )


def pack(lengths: Sequence[int]) -> list[list[Row]]:
    """Return passes of rows, given the texts' lengths in tokens, special tokens included.

    Source: best fit decreasing, an approximation of bin packing.
    """
    decreasing = np.argsort(-np.asarray(lengths, dtype=np.int64), kind="stable").tolist()
    longer = [position for position in decreasing if lengths[position] > ROW_TOKENS]
    rows = _best_fit(decreasing[len(longer) :], lengths)
    rows.sort(key=lambda row: _tokens(row, lengths), reverse=True)
    alone = [[position] for position in longer]
    if len(rows) > 1 and _tokens(rows[-1], lengths) <= FULL_ROW_TOKENS:
        alone.append(rows.pop())
    shared = [rows[start : start + ROWS] for start in range(0, len(rows), ROWS)]
    return [[row] for row in alone] + shared


def collate(rows: Sequence[Row], token_ids: TokenIds, pad_token_id: int) -> ModelInputs:
    """Return the int64 inputs of a pass, given the token ids of each text.

    ``input_ids``, ``segment_ids`` and ``position_ids`` are [rows, tokens]. ``segment_ids`` numbers
    the texts of a row from 1; 0 is padding. ``position_ids`` counts from 0 in every text.
    ``first_tokens`` [texts], row after row, is the index of each text's first token among all
    tokens of the pass.
    """
    width = _width(rows, max(sum(len(token_ids[text]) for text in row) for row in rows))
    input_ids = np.full((len(rows), width), pad_token_id, dtype=np.int64)
    segment_ids = np.zeros_like(input_ids)
    position_ids = np.zeros_like(input_ids)
    first_tokens = []
    for number, row in enumerate(rows):
        start = 0
        for segment, position in enumerate(row, start=1):
            end = start + len(token_ids[position])
            input_ids[number, start:end] = token_ids[position]
            segment_ids[number, start:end] = segment
            position_ids[number, start:end] = np.arange(end - start)
            first_tokens.append(number * width + start)
            start = end
    return {
        "input_ids": input_ids,
        "segment_ids": segment_ids,
        "position_ids": position_ids,
        "first_tokens": np.array(first_tokens, dtype=np.int64),
    }


def single_text_shapes() -> Iterator[list[Row]]:
    """Yield passes with one short text, each row given as the lengths of its texts."""
    for width in SINGLE_TEXT_WIDTHS:
        yield [[width]]


def packed_shapes() -> Iterator[list[Row]]:
    """Yield a pass of every usual shape of several texts, rows given as above.

    The largest comes first: the others then reuse its memory, which saves a third in all.
    """
    for rows in range(ROWS, 1, -1):
        yield [[ROW_TOKENS]] * rows
    for width in range(ROW_TOKENS, 0, -WIDTH_STEP):
        yield [[width // 2] * 2]


def _best_fit(decreasing: Sequence[int], lengths: Sequence[int]) -> list[Row]:
    """Put each text into the fullest row that has room for it."""
    rows: list[Row] = []
    room: list[tuple[int, int]] = []  # free tokens and the row's index, ascending
    for position in decreasing:
        fitting = bisect_left(room, (lengths[position], 0))
        free, number = room.pop(fitting) if fitting < len(room) else (ROW_TOKENS, len(rows))
        if number == len(rows):
            rows.append([])
        rows[number].append(position)
        insort(room, (free - lengths[position], number))
    return rows


def _tokens(row: Row, lengths: Sequence[int]) -> int:
    return sum(lengths[position] for position in row)


def _width(rows: Sequence[Row], tokens: int) -> int:
    """Return the width of a pass whose fullest row has ``tokens``: one of a few widths."""
    if len(rows) > 1:
        return ROW_TOKENS
    if len(rows[0]) == 1 and tokens <= max(SINGLE_TEXT_WIDTHS):
        return next(width for width in SINGLE_TEXT_WIDTHS if tokens <= width)
    step = WIDTH_STEP if tokens <= ROW_TOKENS else LONG_WIDTH_STEP
    return -(-tokens // step) * step
