"""Turn a trained classifier into the form that is served: an OpenVINO graph and its tokenizer."""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, get_args

import nncf
import openvino
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from inference.normalization import normalize
from inference.runtime import PRECISION_HINT

Precision = Literal["int8", "bf16", "fp32"]

GRAPH = "openvino_model.xml"
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
OUTPUT = "logits"
CALIBRATION_TOKENS = 128
"""Longer texts are cut off for calibration: tweets have 29 tokens on average."""


class ExportError(ValueError):
    """Tell that a model cannot be exported as asked."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"the model cannot be exported: {reason}; {remedy}")


class LogitsOnly(torch.nn.Module):
    """Give the graph positional inputs in a known order, and one output."""

    def __init__(self, model: PreTrainedModel, names: Sequence[str]) -> None:
        super().__init__()
        self._model = model
        self._names = names

    def forward(self, *values: torch.Tensor) -> torch.Tensor:
        """Return the logits [batch, labels] of encoded texts."""
        logits: torch.Tensor = self._model(**dict(zip(self._names, values))).logits
        return logits


def export(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    folder: Path,
    calibration_texts: Sequence[str] = (),
    precision: Precision = "int8",
) -> None:
    """Write all that serving needs into ``folder``: graph, configuration and tokenizer.

    The graph takes int64 ``input_ids``, ``attention_mask`` and, where the model knows them,
    ``token_type_ids``, each of the dynamic shape [batch, sequence], and gives float32
    ``logits`` [batch, labels]. int8 needs texts to calibrate on, a few hundred that look like
    what will be served; the others need none.

    Raises ExportError where int8 is asked for without texts, or the precision is unknown.
    """
    if precision not in get_args(Precision):
        choices = ", ".join(get_args(Precision))
        raise ExportError(f"there is no precision {precision!r}", f"choose one of {choices}")
    if precision == "int8" and not calibration_texts:
        raise ExportError("int8 needs texts to calibrate on", 'give some, or choose "fp32"')
    graph = in_precision(precision, convert(model, tokenizer), tokenizer, calibration_texts)
    write(graph, model, tokenizer, folder)


def convert(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> openvino.Model:
    """Return the model as an OpenVINO graph in float32."""
    example = dict(tokenizer(["two texts", "of two lengths"], padding=True, return_tensors="pt"))
    names = [name for name in INPUTS if name in example]
    with _evaluating(model), torch.no_grad(), _tracing():
        graph = openvino.convert_model(
            LogitsOnly(model, names), example_input=tuple(example[name] for name in names)
        )
    for port, name in zip(graph.inputs, names, strict=True):
        port.get_node().set_friendly_name(name)
        port.get_tensor().set_names({name})
        port.get_node().set_element_type(openvino.Type.i64)
        port.get_node().set_partial_shape(openvino.PartialShape([-1, -1]))
    graph.outputs[0].get_tensor().set_names({OUTPUT})
    graph.validate_nodes_and_infer_types()
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
    """
    names = [port.any_name for port in graph.inputs]
    samples = list(_encoded(tokenizer, calibration_texts, names))
    with _quiet("nncf"):
        return nncf.quantize(
            graph,
            nncf.Dataset(samples),
            subset_size=len(samples),
            model_type=nncf.ModelType.TRANSFORMER,
            fast_bias_correction=True,
        )


def write(
    graph: openvino.Model,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    folder: Path,
) -> None:
    """Write a graph into ``folder``, with the model's configuration and the tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    openvino.save_model(graph, folder / GRAPH, compress_to_fp16=False)
    model.config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _encoded(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], names: Sequence[str]
) -> Iterator[dict[str, Any]]:
    longest = min(CALIBRATION_TOKENS, tokenizer.model_max_length)
    for text in texts:
        encoded = tokenizer(
            [normalize(text)], truncation=True, max_length=longest, return_tensors="np"
        )
        yield {name: encoded[name].astype("int64") for name in names}


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
