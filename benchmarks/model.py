"""The model that benchmarks serve: one of RoBERTa-base size, unless they are given another."""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from inference.model_folder import METADATA_FILE
from inference.starter import STARTER_FOLDER

REPOSITORY = Path(__file__).parent.parent
CACHE = REPOSITORY / "artifacts" / "bench" / "models"  # nobody else's: outdated ones are deleted
MAKERS = (
    "benchmarks/random_model.py",
    "training/export/export.py",
    "inference/packed_classifier.py",
    "training/export/packing_check.py",
    "training/export/graph_passes.py",
    "training/export/verification.py",
    "inference/reference_texts.py",
    "inference/references.py",
    "inference/normalization.py",
)
DIGITS = 12  # of the digest that a model's folder is named by
ORIGIN = "benchmark"
LIBRARIES = ("nncf", "openvino", "torch", "transformers")


def roberta_base(cache: Path = CACHE) -> Path:
    """Return the folder of the random model in ``cache``; make it if it is not there yet.

    Raises subprocess.CalledProcessError where that fails, after its own words about it.
    """
    folder = cache / f"roberta-base-{_recipe()}"
    if folder.is_dir():
        return folder
    print("Making a model of RoBERTa-base size, once: takes a minute", flush=True)
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        made = Path(scratch) / "model"
        # another process, so that this one stays without torch and its threads
        command = [sys.executable, "-m", "benchmarks.random_model", str(made)]
        subprocess.run(command, cwd=REPOSITORY, check=True)  # noqa: S603  # all of it is ours
        for outdated in cache.glob(f"roberta-base-{'?' * DIGITS}"):
            if _is_ours(outdated):
                shutil.rmtree(outdated)
        made.rename(folder)
    return folder


def _is_ours(folder: Path) -> bool:
    """Return whether a benchmark has made a model, by its metadata."""
    try:
        metadata = json.loads((folder / METADATA_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(metadata, dict) and metadata.get("origin") == ORIGIN


def _recipe() -> str:
    """Return a digest of all that makes the model what it is."""
    parts = [(REPOSITORY / name).read_bytes() for name in MAKERS]
    parts.append((STARTER_FOLDER / "tokenizer.json").read_bytes())
    parts.extend(f"{name} {version(name)}".encode() for name in LIBRARIES)
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:DIGITS]
