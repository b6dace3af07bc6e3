"""Each start checks the model's probabilities on this machine."""

import json
from pathlib import Path

import numpy as np
import pytest

from inference.reference_predictions import SCORE_BOUNDS
from inference.self_check import SelfCheckError, load_checked
from tests.support.avx2 import run_with_avx2_only
from tests.support.broken_models import make_overflowing_model, make_wrong_model

CHECK = (
    "import json, sys, pathlib, inference.self_check as s;"
    "classifier, check = s.load_checked(pathlib.Path(sys.argv[1]), 'openvino');"
    "print(json.dumps(check.to_json()));"
    "texts = json.loads(pathlib.Path(sys.argv[2]).read_text()) if sys.argv[2:] else ['good day'];"
    "print(json.dumps([classifier.classify([text])[0].tolist() for text in texts]))"
)


@pytest.fixture(name="overflowing")
def fixture_overflowing(starter: Path, tmp_path: Path) -> Path:
    """Make an int8 model whose sums overflow on processors without VNNI."""
    return make_overflowing_model(starter, tmp_path / "overflowing")


def set_references(folder: Path, probabilities: list[float], bound: float) -> None:
    """Give a model the same expected probabilities for two texts."""
    path = folder / "metadata.json"
    metadata = json.loads(path.read_text(encoding="utf-8"))
    references = {"texts": ["a", "b"], "probabilities": [probabilities] * 2, "bound": bound}
    path.write_text(json.dumps(metadata | {"self_check": references}), encoding="utf-8")


def test_the_starter_passes_the_self_check(starter: Path) -> None:
    _, check = load_checked(starter, "openvino")

    assert (True, "original", "int8", 20) == (
        check.passed,
        check.reference,
        check.precision,
        check.texts,
    )
    assert 0 < check.deviation <= check.bound <= 0.05
    assert check.processor


def test_a_damaged_graph_is_refused(starter: Path, tmp_path: Path) -> None:
    damaged = make_wrong_model(starter, tmp_path / "damaged")

    with pytest.raises(SelfCheckError) as raised:
        load_checked(damaged, "openvino")

    _, check = load_checked(starter, "openvino")
    message = str(raised.value)
    assert f"failed on {check.processor}: a probability differs by 0." in message
    assert f"{check.bound:.4f} is accepted" in message
    assert "Export a model with `make model`" in message


def test_a_model_that_cannot_be_computed_is_refused(overflowing: Path) -> None:
    set_references(overflowing, [0.0, 0.0, 1.0], 0.01)

    with pytest.raises(SelfCheckError, match=r"differs by 1.0000 .* 0.0100 is accepted"):
        load_checked(overflowing, "openvino")


def test_int8_that_overflows_here_is_computed_in_float32(overflowing: Path) -> None:
    set_references(overflowing, [0.99996, 0.00004, 0.0], 0.01)

    done = run_with_avx2_only(["-c", CHECK, str(overflowing)])

    check, found = map(json.loads, done.stdout.splitlines())
    assert (True, "original", "fp32") == (check["passed"], check["reference"], check["precision"])
    assert 0.99 < found[0][0]


def test_a_model_of_an_earlier_version_is_compared_with_its_dequantized_form(
    overflowing: Path,
) -> None:
    done = run_with_avx2_only(["-c", CHECK, str(overflowing)])

    check, found = map(json.loads, done.stdout.splitlines())
    assert (True, "dequantized", "fp32") == (
        check["passed"],
        check["reference"],
        check["precision"],
    )
    assert 0.99 < found[0][0]


def test_a_model_of_an_earlier_version_that_is_right_here_stays_int8(overflowing: Path) -> None:
    classifier, check = load_checked(overflowing, "openvino")

    if classifier.runtime.precision is not None:
        pytest.skip("this processor has no VNNI")
    assert (True, "dequantized", "int8") == (check.passed, check.reference, check.precision)


def test_the_starter_gives_the_same_labels_without_vnni(
    starter: Path, tweets: list[str], tmp_path: Path
) -> None:
    (tmp_path / "texts.json").write_text(json.dumps(tweets), encoding="utf-8")
    classifier, _ = load_checked(starter, "openvino")
    expected = np.concatenate([classifier.classify([text]) for text in tweets])

    done = run_with_avx2_only(["-c", CHECK, str(starter), str(tmp_path / "texts.json")])

    check, found = map(json.loads, done.stdout.splitlines())
    assert "int8" == check["precision"]
    assert 0.99 <= (np.argmax(found, axis=1) == expected.argmax(axis=1)).mean()
    assert np.abs(np.array(found) - expected).max() <= SCORE_BOUNDS["int8"]
