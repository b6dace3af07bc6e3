"""Turn a trained classifier into the form that is served: an OpenVINO graph and its tokenizer."""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, get_args

import nncf
import numpy as np
import openvino
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from inference.model_folder import WEIGHTS_FILE
from inference.normalization import normalize
from inference.openvino_runtime import PRECISION_HINT
from inference.packing import INPUTS, ModelInputs
from inference.reference_predictions import ReferencePredictions
from inference.store import served_files
from training.export.graph_passes import (
    dequantize_after_gather,
    shift_to_unsigned_activations,
    simplify_attention_reshapes,
)
from training.export.packing_check import pack_classifier
from training.export.verification import verify_export

Precision = Literal["int8", "bf16", "fp32"]

GRAPH = "openvino_model.xml"
OUTPUT = "logits"
CALIBRATION_TOKENS = 128
"""Longer texts are cut off for calibration: tweets have 29 tokens on average."""


class ExportError(ValueError):
    """Tell that a model cannot be exported as asked."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"the model cannot be exported: {reason}; {remedy}")


def export(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    folder: Path,
    calibration_texts: Sequence[str] = (),
    precision: Precision = "int8",
) -> ReferencePredictions:
    """Write all that serving needs into ``folder``: graph, configuration and tokenizer.

    Returns what belongs into its metadata, for the self-check of every start.

    The graph takes packed texts as `inference.packing.collate` makes them, and gives float32
    ``logits`` [texts, labels]. int8 needs texts to calibrate on, a few hundred that look like
    what will be served; the others need none.

    Raises ExportError where int8 is asked for without texts, or the precision is unknown,
    PackingError where the model cannot read several texts in a row, and ExportMismatchError if the
    graph gives other answers than the model.
    """
    if precision not in get_args(Precision):
        choices = ", ".join(get_args(Precision))
        raise ExportError(f"there is no precision {precision!r}", f"choose one of {choices}")
    if precision == "int8" and not calibration_texts:
        raise ExportError("int8 needs texts to calibrate on", 'give some, or choose "fp32"')
    graph = in_precision(precision, convert(model, tokenizer), tokenizer, calibration_texts)
    write(graph, model, tokenizer, folder)
    return verify_export(model, tokenizer, folder, precision)


def check_exportable(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Raise PackingError where `export` would, without its work."""
    with _evaluating(model), torch.no_grad():
        pack_classifier(model, tokenizer)


def convert(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> openvino.Model:
    """Return the model as an OpenVINO graph in float32. Raises PackingError."""
    with _evaluating(model), torch.no_grad(), _tracing():
        packed, example = pack_classifier(model, tokenizer)
        graph = openvino.convert_model(packed, example_input=example)
    for port, name, values in zip(graph.inputs, INPUTS, example, strict=True):
        port.get_node().set_friendly_name(name)
        port.get_tensor().set_names({name})
        port.get_node().set_element_type(openvino.Type.i64)
        port.get_node().set_partial_shape(openvino.PartialShape([-1] * values.ndim))
    graph.outputs[0].get_tensor().set_names({OUTPUT})
    graph.validate_nodes_and_infer_types()
    simplify_attention_reshapes(graph)
    return graph


def in_precision(
    precision: Precision,
    graph: openvino.Model,
    tokenizer: PreTrainedTokenizerBase,
    calibration_texts: Sequence[str],
) -> openvino.Model:
    """Return a float32 graph as one that is computed in this precision; only int8 needs texts.

    bf16 keeps the weights in float32 and asks the runtime to compute with less, which it does
    where the processor can.
    """
    if precision == "int8":
        return quantize(graph, tokenizer, calibration_texts)
    graph = graph.clone()
    if precision == "bf16":
        graph.set_rt_info("bf16", list(PRECISION_HINT))
    return graph


def quantize(
    graph: openvino.Model,
    tokenizer: PreTrainedTokenizerBase,
    calibration_texts: Sequence[str],
) -> openvino.Model:
    """Return the graph with int8 weights and activations, calibrated on these texts.

    The texts are normalised as in serving, and run one at a time, so that no padding enters
    the ranges that calibration observes.

    Weights get 7 of their 8 bits: processors without VNNI add two products in 16 bits, and
    2 * 255 * 64 is the most that fits. Attention stays in float32, since its products are of two
    activations, for which nothing leaves that room. So all processors compute the same.
    """
    samples = list(_encoded(tokenizer, calibration_texts))
    with _quiet("nncf"):
        quantized = nncf.quantize(
            graph,
            nncf.Dataset(samples),
            subset_size=len(samples),
            model_type=nncf.ModelType.TRANSFORMER,
            fast_bias_correction=True,
            ignored_scope=nncf.IgnoredScope(types=["ScaledDotProductAttention"]),
            advanced_parameters=nncf.AdvancedQuantizationParameters(
                overflow_fix=nncf.OverflowFix.ENABLE
            ),
        )
    dequantize_after_gather(quantized)
    shift_to_unsigned_activations(quantized)
    return quantized


def write(
    graph: openvino.Model,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    folder: Path,
) -> None:
    """Write a graph into ``folder``, with the model's configuration and the tokenizer.

    With RUNTIME=torch the model's own weights are written, too.
    """
    folder.mkdir(parents=True, exist_ok=True)
    openvino.save_model(graph, folder / GRAPH, compress_to_fp16=False)
    if WEIGHTS_FILE in served_files():
        model.save_pretrained(folder)
    model.config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _encoded(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> Iterator[ModelInputs]:
    longest = min(CALIBRATION_TOKENS, tokenizer.model_max_length)
    for text in texts:
        encoded = tokenizer(normalize(text), truncation=True, max_length=longest)
        token_ids = np.array([encoded["input_ids"]])
        yield {
            "input_ids": token_ids,
            "segment_ids": np.ones_like(token_ids),
            "position_ids": np.arange(token_ids.size)[np.newaxis],
            "first_tokens": np.zeros(1, dtype=np.int64),
        }


@contextmanager
def _evaluating(model: PreTrainedModel) -> Iterator[None]:
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)


@contextmanager
def _tracing() -> Iterator[None]:
    """Silence what tracing says of torch's and transformers' own code, which is not ours.

    OpenVINO traces by ``torch.jit``, deprecated in torch; transformers branches on shapes and
    asks its own outdated attributes. That the graph holds for other shapes is tested.
    """
    with warnings.catch_warnings(), _quiet("transformers", logging.ERROR):
        warnings.filterwarnings("ignore", "Converting a tensor to a Python boolean")
        warnings.filterwarnings("ignore", r"`torch\.jit\.trace", DeprecationWarning)
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
        yield


@contextmanager
def _quiet(logger: str, least: int = logging.WARNING) -> Iterator[None]:
    """Keep a library's notes on its own progress out of ours; its warnings stay, by default."""
    log = logging.getLogger(logger)
    level = log.level
    log.setLevel(least)
    try:
        yield
    finally:
        log.setLevel(level)
