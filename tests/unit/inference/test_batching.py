"""A batch has a bounded number of texts and of characters."""

import pytest

from inference import batching
from inference.batching import MAX_BATCH_CHARACTERS, batch_prefix_length, split_batches


@pytest.mark.parametrize(
    ("texts", "sizes"),
    [
        pytest.param(["x" * 100] * 128, [32] * 4, id="tweets"),
        pytest.param(["x" * 5000] * 20, [4] * 5, id="essays"),
        pytest.param([], [], id="none"),
    ],
)
def test_batches_are_bounded(texts: list[str], sizes: list[int]) -> None:
    batches = list(split_batches(texts, str))

    assert sizes == [len(batch) for batch in batches]
    assert texts == [text for batch in batches for text in batch]


def test_a_text_over_the_bound_is_a_batch_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "MAX_COUNTED_CHARACTERS", 2 * MAX_BATCH_CHARACTERS)

    assert 1 == batch_prefix_length(["x" * (2 * MAX_BATCH_CHARACTERS)] * 2)
