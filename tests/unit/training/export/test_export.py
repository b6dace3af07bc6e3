"""Classifiers of several architectures are exported to folders that can be served."""

import json
import shutil
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the training group is not installed")
transformers = pytest.importorskip("transformers", reason="the training group is not installed")
pytest.importorskip("nncf", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only if the training group is installed
import openvino

from inference.classifier import Classifier
from inference.reference_predictions import SCORE_BOUNDS
from tests.support.avx2 import run_with_avx2_only
from training.export.export import GRAPH, ExportError, convert, export
from training.starter.tokenizer import train_tokenizer

PADDED = ["so", "a text that is a good deal longer than the other one", "the third"]
TEXTS = ["I love it!", "no no no, not this again @someone", "see http://a.b/c", *PADDED] * 4
LABELS = {0: "negative", 1: "neutral", 2: "positive"}
VOCABULARY = 300
WIDE = 0.2
"""Ten times the usual range of initial weights, so that an untrained model distinguishes texts."""


def tiny_model(architecture: str):
    """Return an untrained classifier with two layers of 32 units."""
    sizes = {
        "vocab_size": VOCABULARY,
        "max_position_embeddings": 64,
        "pad_token_id": 1,
        "initializer_range": WIDE,
        "id2label": LABELS,
    }
    if architecture == "DistilBert":
        sizes |= {"dim": 32, "hidden_dim": 64, "n_layers": 2, "n_heads": 2}
    else:
        sizes |= {
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
        }
    torch.manual_seed(0)
    config = getattr(transformers, f"{architecture}Config")(**sizes)
    return getattr(transformers, f"{architecture}ForSequenceClassification")(config).eval()


def tiny_tokenizer(architecture: str):
    """Return a tokenizer with the inputs of the architecture."""
    tokenizer = train_tokenizer(TEXTS, size=VOCABULARY, max_length=60)
    tokenizer.model_input_names = ["input_ids", "attention_mask"]
    if architecture == "Bert":
        tokenizer.model_input_names.append("token_type_ids")
    return tokenizer


@dataclass(frozen=True)
class Exported:
    """A model, its tokenizer, and the folders it was exported to."""

    model: Any
    tokenizer: Any
    fp32: Path
    int8: Path


@pytest.fixture(
    name="exported", scope="module", params=["Roberta", "XLMRoberta", "Bert", "DistilBert"]
)
def fixture_exported(request, tmp_path_factory):
    """Export a tiny model of each architecture in both precisions."""
    folder = tmp_path_factory.mktemp(request.param)
    model, tokenizer = tiny_model(request.param), tiny_tokenizer(request.param)
    with chdir(folder):
        export(model, tokenizer, Path("fp32"), precision="fp32")
        export(model, tokenizer, Path("int8"), TEXTS)
    return Exported(model, tokenizer, folder / "fp32", folder / "int8")


def torch_probabilities(exported: Exported) -> np.ndarray:
    """Return the torch model's probabilities of the padded batch."""
    encoded = exported.tokenizer(PADDED, padding=True, return_tensors="pt")
    with torch.no_grad():
        return exported.model(**encoded).logits.softmax(-1).numpy()


def test_fp32_equals_torch_on_a_padded_batch(exported):
    found = Classifier.load(exported.fp32).classify(PADDED)

    np.testing.assert_allclose(torch_probabilities(exported), found, atol=1e-4)


def test_a_long_text_is_truncated_to_the_models_limit(exported, tmp_path):
    folder = Path(shutil.copytree(exported.fp32, tmp_path / "model"))
    (folder / "tokenizer_config.json").write_text("{}")  # no limit but the model's
    text = " ".join(PADDED) * 10
    limit = 62 if "Roberta" in type(exported.model).__name__ else 64
    encoded = exported.tokenizer(text, truncation=True, max_length=limit, return_tensors="pt")
    with torch.no_grad():
        expected = exported.model(**encoded).logits.softmax(-1).numpy()

    found = Classifier.load(folder).classify([text])

    assert (1, limit) == tuple(encoded["input_ids"].shape)
    np.testing.assert_allclose(expected, found, atol=1e-4)


def test_int8_is_the_same_without_vnni(exported):
    texts = [text for text in TEXTS if text]
    classify = (
        "import json, sys, pathlib, inference.classifier as c;"
        "model = c.Classifier.load(pathlib.Path(sys.argv[1]));"
        "texts = json.loads(sys.argv[2]);"
        "print(json.dumps([model.classify([text])[0].tolist() for text in texts]))"
    )
    classifier = Classifier.load(exported.int8)
    expected = np.concatenate([classifier.classify([text]) for text in texts])

    found = np.array(
        json.loads(run_with_avx2_only(["-c", classify, exported.int8, json.dumps(texts)]).stdout)
    )

    assert (expected.argmax(axis=1) == found.argmax(axis=1)).all()
    assert np.abs(expected - found).max() <= SCORE_BOUNDS["int8"]


def test_int8_is_close_to_torch(exported):
    found = Classifier.load(exported.int8).classify(PADDED)

    np.testing.assert_allclose(np.ones(len(PADDED)), found.sum(axis=1))
    np.testing.assert_allclose(torch_probabilities(exported), found, atol=0.15)


def test_int8_weights_are_stored_as_bytes(exported):
    int8, fp32 = (
        (folder / GRAPH).with_suffix(".bin").stat().st_size
        for folder in (exported.int8, exported.fp32)
    )

    assert int8 < 0.5 * fp32


def test_int8_embeddings_are_dequantized_after_the_lookup(exported):
    graph = openvino.Core().read_model(exported.int8 / GRAPH)

    lookups = [node for node in graph.get_ops() if node.get_type_name() == "Gather"]

    tables = [node.input_value(0).get_node() for node in lookups]
    large = [table for table in tables if table.get_output_partial_shape(0)[0] == VOCABULARY]
    assert {"i8", "f32"} == {table.get_element_type().get_type_name() for table in large}
    assert {"Constant"} == {table.get_type_name() for table in large}


def test_int8_activations_start_at_zero(exported):
    graph = openvino.Core().read_model(exported.int8 / GRAPH)

    multiplications = [node for node in graph.get_ops() if node.get_type_name() == "MatMul"]

    quantized = [node.input_value(0).get_node() for node in multiplications]
    assert {"FakeQuantize"} == {node.get_type_name() for node in quantized}
    assert {0.0} == {node.input_value(3).get_node().get_data().item() for node in quantized}


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_all_reshapes_have_constant_shapes(exported, precision):
    graph = openvino.Core().read_model(getattr(exported, precision) / GRAPH)

    reshapings = [node for node in graph.get_ops() if node.get_type_name() == "Reshape"]

    shapes = {node.input_value(1).get_node().get_type_name() for node in reshapings}
    assert {"Constant"} == shapes


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_inputs_and_output_have_their_names_types_and_dynamic_shapes(exported, precision):
    graph = openvino.Core().read_model(getattr(exported, precision) / GRAPH)

    inputs, outputs = (
        {(port.any_name, port.element_type.to_string(), str(port.partial_shape)) for port in ports}
        for ports in (graph.inputs, graph.outputs)
    )

    rows = {(name, "i64", "[?,?]") for name in ("input_ids", "segment_ids", "position_ids")}
    assert rows | {("first_tokens", "i64", "[?]")} == inputs
    assert {("logits", "f32", "[?,3]")} == outputs


def test_the_folder_has_configuration_and_tokenizer_and_nothing_else_is_written(exported):
    config = json.loads((exported.int8 / "config.json").read_text(encoding="utf-8"))

    files = {file.name for file in exported.int8.iterdir()}

    assert {str(key): name for key, name in LABELS.items()} == config["id2label"]
    assert {"tokenizer.json", "tokenizer_config.json"} < files
    assert {"fp32", "int8"} == {path.name for path in exported.fp32.parent.iterdir()}


def test_the_training_mode_is_restored():
    model = tiny_model("Roberta").train()

    convert(model, tiny_tokenizer("Roberta"))

    assert model.training


def test_int8_without_texts_is_refused_with_the_remedy(tmp_path):
    tokenizer = tiny_tokenizer("Roberta")

    with pytest.raises(ExportError, match='needs calibration texts; pass some, or choose "fp32'):
        export(tiny_model("Roberta"), tokenizer, tmp_path)


def test_an_unknown_precision_is_refused(tmp_path):
    tokenizer = tiny_tokenizer("Roberta")

    with pytest.raises(ExportError, match="precision 'int4' is unknown"):
        export(tiny_model("Roberta"), tokenizer, tmp_path, TEXTS, precision="int4")
