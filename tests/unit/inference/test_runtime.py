"""The runtime gives each input its own result, or an error."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from inference.model_folder import ModelFolder
from inference.runtime import OpenVinoRuntime
from inference.tokenization import Arrays, TweetTokenizer
from tests.faulty_model import POISON, make_faulty_model


@pytest.fixture(name="folder")
def fixture_folder(starter: Path, tmp_path: Path) -> ModelFolder:
    """Make a model that fails on texts with the poison word."""
    return ModelFolder.read(make_faulty_model(starter, tmp_path / "model"))


@pytest.fixture(name="poisoned")
def fixture_poisoned(folder: ModelFolder) -> Arrays:
    """Encode a text that fails."""
    tokenizer = TweetTokenizer(folder)
    return tokenizer.pad(tokenizer.encode([POISON]))


@pytest.fixture(name="healthy")
def fixture_healthy(folder: ModelFolder, poisoned: Arrays) -> Arrays:
    """Encode a text of just the tokens that the failing one has, padded to its length."""
    tokenizer = TweetTokenizer(folder)
    _, length = poisoned["input_ids"].shape
    (encoding,) = tokenizer.encode(["good " * 200])
    encoding.truncate(length)
    return tokenizer.pad([encoding])


def test_logits_are_float32_with_a_row_for_each_text(starter: Path, healthy: Arrays) -> None:
    runtime = OpenVinoRuntime(ModelFolder.read(starter).graph_path)

    logits = runtime.logits({name: np.repeat(rows, 5, axis=0) for name, rows in healthy.items()})

    assert ((5, 3), np.float32) == (logits.shape, logits.dtype)


def test_inputs_that_fail_never_get_the_result_of_earlier_ones(
    folder: ModelFolder, healthy: Arrays, poisoned: Arrays
) -> None:
    runtime = OpenVinoRuntime(folder.graph_path)
    expected = runtime.logits(healthy)

    for _ in range(3):  # of one shape: the second failure was answered with an earlier result
        with pytest.raises(RuntimeError):
            runtime.logits(poisoned)

    assert np.allclose(expected, runtime.logits(healthy), atol=1e-3)


def test_a_failure_is_survived_though_the_files_are_gone(
    folder: ModelFolder, healthy: Arrays, poisoned: Arrays
) -> None:
    runtime = OpenVinoRuntime(folder.graph_path)
    expected = runtime.logits(healthy)
    shutil.rmtree(folder.path)

    with pytest.raises(RuntimeError):
        runtime.logits(poisoned)

    assert np.allclose(expected, runtime.logits(healthy), atol=1e-3)
