"""The model that benchmarks serve: one of RoBERTa-base size, unless they are given another."""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from inference.starter import STARTER_FOLDER

REPOSITORY = Path(__file__).parent.parent
MAKERS = (
    "benchmarks/random_model.py",
    "training/export.py",
    "inference/packed.py",
    "training/packable.py",
    "training/rewriting.py",
    "training/verification.py",
    "inference/reference_texts.py",
    "inference/references.py",
    "inference/normalization.py",
)
LIBRARIES = ("nncf", "openvino", "torch", "transformers")


def roberta_base(cache: Path) -> Path:
    """Return the folder of the random model in ``cache``; make it there where it is not yet.

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
        for outdated in cache.glob("roberta-base-*"):
            shutil.rmtree(outdated)
        made.rename(folder)
    return folder


def _recipe() -> str:
    """Return a digest of all that makes the model what it is."""
    parts = [(REPOSITORY / name).read_bytes() for name in MAKERS]
    parts.append((STARTER_FOLDER / "tokenizer.json").read_bytes())
    parts.extend(f"{name} {version(name)}".encode() for name in LIBRARIES)
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]
