"""The model of benchmarks: RoBERTa-base size, random weights.

``python -m benchmarks.model FOLDER`` makes it. It computes as much as a trained one, so that speed
can be measured without a download.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.texts import REPOSITORY, SAMPLES, read_texts
from inference.model_folder import METADATA_FILE
from inference.starter import STARTER_FOLDER

if TYPE_CHECKING:
    from transformers import RobertaConfig

CACHE = REPOSITORY / "artifacts" / "bench" / "models"  # for these alone: outdated ones are deleted
SOURCES = (
    "benchmarks/model.py",
    "training/export/*.py",
    "inference/packed_classifier.py",
    "inference/reference_predictions.py",
    "inference/normalization.py",
)
LIBRARIES = ("nncf", "openvino", "torch", "transformers")
DIGITS = 12  # of the hash in the folder's name
ORIGIN = "benchmark"
SEED = 0
MAX_TOKENS = 512
CALIBRATION_TEXTS = 16  # few: random weights have no accuracy to keep
METADATA = {
    "origin": ORIGIN,
    "base_model": "roberta-base, with random weights",
    "precision": "int8",
    "precision_reason": "benchmarks measure int8",
    "metrics": {},
}


def random_model(cache: Path = CACHE) -> Path:
    """Return the folder of the random model in ``cache``, and make it if it is missing.

    Raises subprocess.CalledProcessError if that fails; the error is printed.
    """
    folder = cache / f"roberta-base-{_fingerprint()}"
    if folder.is_dir():
        return folder
    print("Making a model of RoBERTa-base size, once: takes a minute", flush=True)
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        made = Path(scratch) / "model"
        # another process, so that this one stays without torch and its threads
        command = [sys.executable, "-m", "benchmarks.model", str(made)]
        subprocess.run(command, cwd=REPOSITORY, check=True)  # noqa: S603  # all of it is ours
        for outdated in cache.glob(f"roberta-base-{'?' * DIGITS}"):
            if _is_benchmark_model(outdated):
                shutil.rmtree(outdated)
        made.rename(folder)
    return folder


def make(folder: Path) -> None:
    """Write the model into ``folder``, both in int8 for serving and for transformers.

    It has the starter's tokenizer, whose smaller vocabulary makes texts a few tokens longer than
    RoBERTa's own would.
    """
    # pylint: disable=import-outside-toplevel  # see `random_model`
    import torch
    from transformers import AutoTokenizer, RobertaForSequenceClassification

    from training.export.export import export

    torch.manual_seed(SEED)
    model = RobertaForSequenceClassification(roberta_base_config())
    tokenizer = AutoTokenizer.from_pretrained(STARTER_FOLDER, model_max_length=MAX_TOKENS)
    references = export(model, tokenizer, folder, read_texts(SAMPLES)[:CALIBRATION_TEXTS])
    model.save_pretrained(folder)
    metadata = METADATA | references.to_metadata()
    (folder / METADATA_FILE).write_text(json.dumps(metadata), encoding="utf-8")


def roberta_base_config() -> "RobertaConfig":
    """Return the sizes of roberta-base. Source: its config.json."""
    from transformers import RobertaConfig  # pylint: disable=import-outside-toplevel

    return RobertaConfig(  # pylint: disable=unexpected-keyword-arg  # a dataclass by inheritance
        vocab_size=50_265,
        hidden_size=768,
        num_hidden_layers=12,
        num_attention_heads=12,
        intermediate_size=3072,
        max_position_embeddings=MAX_TOKENS + 2,  # positions are counted from 2
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        id2label={0: "negative", 1: "neutral", 2: "positive"},
    )


def _is_benchmark_model(folder: Path) -> bool:
    """Return whether a benchmark made a model, by its metadata."""
    try:
        metadata = json.loads((folder / METADATA_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(metadata, dict) and metadata.get("origin") == ORIGIN


def _fingerprint() -> str:
    """Return a hash of the code and the libraries that determine the model."""
    paths = sorted(path for pattern in SOURCES for path in REPOSITORY.glob(pattern))
    parts = [path.read_bytes() for path in (*paths, STARTER_FOLDER / "tokenizer.json")]
    parts.extend(f"{name} {version(name)}".encode() for name in LIBRARIES)
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:DIGITS]


if __name__ == "__main__":
    make(Path(sys.argv[1]))
