"""A model that really fails inside the runtime, on the texts that repeat a certain word."""

import shutil
from pathlib import Path

import numpy as np
import openvino
from openvino import opset13 as ops
from tokenizers import Tokenizer

from inference.model_folder import GRAPH_FILE, TOKENIZER_FILE

POISON = "zebra " * 20
_REPEATED = 10
# No batch of up to 128 texts has a number of logits that divides by this prime.
_IMPOSSIBLE_WIDTH = 1009


def make_faulty_model(source: Path, target: Path) -> Path:
    """Copy a model folder, its graph changed so that ``POISON`` fails at inference.

    The graph's last node reshapes the logits to their own shape, or, where a text repeats the
    word, to a shape that they cannot have: OpenVINO raises a RuntimeError.
    """
    shutil.copytree(source, target)
    model = openvino.Core().read_model(source / GRAPH_FILE)
    is_token = ops.equal(model.input("input_ids"), np.int64(_poison_token(target)))
    repeated = ops.reduce_max(ops.reduce_sum(ops.convert(is_token, "i64"), 1), 0)
    logits = model.output(0).get_node().input_value(0)
    width = ops.select(
        ops.greater_equal(repeated, np.int64(_REPEATED)),
        np.int64(_IMPOSSIBLE_WIDTH),
        np.int64(logits.get_partial_shape()[1].get_length()),
    )
    shape = ops.concat([np.array([-1], dtype=np.int64), ops.unsqueeze(width, 0)], 0)
    faulty = openvino.Model([ops.reshape(logits, shape, False)], model.get_parameters())
    faulty.outputs[0].get_tensor().set_names({"logits"})
    openvino.save_model(faulty, target / GRAPH_FILE, compress_to_fp16=False)
    return target


def _poison_token(folder: Path) -> int:
    """Return the rarest of the word's tokens: vocabularies number them by frequency."""
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
    return max(tokenizer.encode(POISON, add_special_tokens=False).ids)
