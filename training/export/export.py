"""Export a classifier for serving: an OpenVINO graph in fp32, bf16 or int8, and the tokenizer."""

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
from training.export.verification import pack_classifier, verify_export

Precision = Literal["int8", "bf16", "fp32"]

GRAPH = "openvino_model.xml"
OUTPUT = "logits"
CALIBRATION_TOKENS = 128
"""Calibration texts are truncated to this length: tweets have 29 tokens on average."""


class ExportError(ValueError):
    """The model cannot be exported as requested."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"the model cannot be exported: {reason}; {remedy}")


def export(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    folder: Path,
    calibration_texts: Sequence[str] = (),
    precision: Precision = "int8",
) -> ReferencePredictions:
    """Write graph, configuration and tokenizer into ``folder``, and verify the graph.

    Returns the reference predictions that every start checks. The graph takes packed texts as
    `inference.packing.collate` makes them, and gives float32 ``logits`` [texts, labels]. Only int8
    needs ``calibration_texts``: a few hundred like those that will be served.

    Raises ExportError for int8 without texts or an unknown precision, PackingError if the model
    cannot be packed, and ExportMismatchError if the graph's predictions differ from the model's.
    """
    if precision not in get_args(Precision):
        choices = ", ".join(get_args(Precision))
        raise ExportError(f"precision {precision!r} is unknown", f"choose one of {choices}")
    if precision == "int8" and not calibration_texts:
        raise ExportError("int8 needs calibration texts", 'pass some, or choose "fp32"')
    graph = to_precision(precision, convert(model, tokenizer), tokenizer, calibration_texts)
    save_exported(graph, model, tokenizer, folder)
    return verify_export(model, tokenizer, folder, precision)


def check_exportable(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Raise PackingError if the model cannot be exported."""
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


def to_precision(
    precision: Precision,
    graph: openvino.Model,
    tokenizer: PreTrainedTokenizerBase,
    calibration_texts: Sequence[str],
) -> openvino.Model:
    """Convert a float32 graph to this precision; only int8 needs texts.

    bf16 keeps float32 weights and hints the runtime, which uses bfloat16 if the processor has it.
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
    """Quantize weights and activations to int8, calibrated on these texts.

    The texts are normalized as in serving, and passed one at a time, because padding would change
    the observed ranges.

    Weights use 7 of their 8 bits: without VNNI, processors add two products in 16 bits, and
    2 * 255 * 64 is the most that fits. Attention stays in float32, because it multiplies two
    activations, which have no such headroom. So all processors compute the same.
    """
    samples = list(_encoded(tokenizer, calibration_texts))
    with _log_level("nncf"):
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


def save_exported(
    graph: openvino.Model,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    folder: Path,
) -> None:
    """Write graph, configuration, tokenizer and, for RUNTIME=torch, the model's weights."""
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
    """Silence warnings about torch's and transformers' own code while tracing.

    OpenVINO traces with the deprecated ``torch.jit``; transformers branches on shapes and reads its
    own deprecated attributes. Tests check the graph with other shapes.
    """
    with warnings.catch_warnings(), _log_level("transformers", logging.ERROR):
        warnings.filterwarnings("ignore", "Converting a tensor to a Python boolean")
        warnings.filterwarnings("ignore", r"`torch\.jit\.trace", DeprecationWarning)
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
        yield


@contextmanager
def _log_level(logger: str, level: int = logging.WARNING) -> Iterator[None]:
    """Set a library's log level, by default to warnings."""
    log = logging.getLogger(logger)
    before = log.level
    log.setLevel(level)
    try:
        yield
    finally:
        log.setLevel(before)
