"""Token ids become padded batches."""

import pytest

np = pytest.importorskip("numpy")
pytest.importorskip("torch", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only if the training group is installed
from training.starter.stage import EncodedRows, pad


def test_a_batch_is_padded_to_its_longest_row():
    rows = EncodedRows([[0, 7, 2], [0, 7, 8, 9, 2]])

    found = pad([rows[0], rows[1]], pad_id=1)

    assert [[0, 7, 2, 1, 1], [0, 7, 8, 9, 2]] == found["input_ids"].tolist()
    assert [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]] == found["attention_mask"].tolist()


def test_rows_have_their_target():
    targets = np.array([[1.0, 0.0], [0.2, 0.8]])

    found = EncodedRows([[0, 2], [0, 7, 2]], targets)

    assert 2 == len(found)
    assert [0.2, 0.8] == found[1]["labels"].tolist()


def test_rows_without_targets_have_no_labels():
    assert {"input_ids": [0, 2]} == EncodedRows([[0, 2]])[0]
