"""Lay texts side by side in the rows of a forward pass, so that hardly any padding is computed.

A graph reads rows of tokens. Texts that are each padded to the longest of their batch leave much
of it empty, and every new combination of texts and tokens is a shape that the runtime has to
prepare for, which takes time and memory. Several texts in a row leave next to nothing empty, and
come in some 20 shapes in all.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np

Arrays: TypeAlias = dict[str, np.ndarray]
TokenIds: TypeAlias = Sequence[Sequence[int]] | Mapping[int, Sequence[int]]
Row: TypeAlias = list[int]
"""Positions of the texts that share a row, from left to right."""

INPUTS = ("input_ids", "segment_ids", "position_ids", "first_tokens")
"""What a graph reads, as `lay_out` explains it."""

# In a wider row more attention is computed only to be masked away; a narrower one fits less well.
ROW_TOKENS = 128
ROWS = 4
# A row much emptier than this is quicker in a pass of its own, as narrow as can be.
FULL_ROW_TOKENS = 88
WIDTH_STEP = 8
LONG_WIDTH_STEP = 64
LONE_WIDTHS = (28, 36)
"""How wide a pass is that has one short text: most tweets fit, so that runtimes prepare for it.

The lengths of tweets are densest here, so each step counts: with 32 and 48, the median of
RoBERTa-base's latency was a tenth longer.
"""


class PackingError(Exception):
    """Tell that a model cannot read several texts in a row."""

    def __init__(self, architecture: str, reason: str) -> None:
        super().__init__(
            f"{architecture} cannot be served: {reason}. Choose a BERT, DistilBERT, RoBERTa or "
            "XLM-RoBERTa as BASE_MODEL"
        )


def pack(lengths: Sequence[int]) -> list[list[Row]]:
    """Part texts of these lengths (tokens, special ones included) into passes of a few rows.

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


def lay_out(rows: Sequence[Row], token_ids: TokenIds, pad_token_id: int) -> Arrays:
    """Return the int64 arrays of a pass; its texts are those of the rows, one row after another.

    ``token_ids`` holds those of the text at each position. What they become:
    ``input_ids``, ``segment_ids`` and ``position_ids`` have the shape [rows, tokens].
    ``segment_ids`` tells the texts of a row apart, from 1 on; 0 is where there is none.
    ``position_ids`` counts from 0 in every text. ``first_tokens`` [texts] tells where each text
    begins, as an index into all tokens of the pass.
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


def lone_passes() -> Iterator[list[Row]]:
    """Yield the passes of one short text, each row as the lengths of its texts."""
    for width in LONE_WIDTHS:
        yield [[width]]


def shared_passes() -> Iterator[list[Row]]:
    """Yield a pass of every shape that is usual for several texts, rows as above.

    The largest comes first: the others then fit into the memory that it took, which would else be
    taken in pieces, a third more in all.
    """
    for rows in range(ROWS, 1, -1):
        yield [[ROW_TOKENS]] * rows
    for width in range(ROW_TOKENS, 0, -WIDTH_STEP):
        yield [[width // 2] * 2]


def _best_fit(decreasing: Sequence[int], lengths: Sequence[int]) -> list[Row]:
    """Put each text into the fullest row that has room for it."""
    rows: list[Row] = []
    room: list[tuple[int, int]] = []  # tokens that are free, and in which row: least first
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
    """Return how many tokens wide a pass is whose fullest row has so many: one of few widths."""
    if len(rows) > 1:
        return ROW_TOKENS
    if len(rows[0]) == 1 and tokens <= max(LONE_WIDTHS):
        return next(width for width in LONE_WIDTHS if tokens <= width)
    step = WIDTH_STEP if tokens <= ROW_TOKENS else LONG_WIDTH_STEP
    return -(-tokens // step) * step
