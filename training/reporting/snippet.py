"""The Python of a model card that classifies tweets by transformers, and what it needs."""

import inspect
import shutil
from pathlib import Path

from inference import normalization

NORMALIZATION = "normalization.py"

_SNIPPET = """\
import sys

from huggingface_hub import snapshot_download
from transformers import pipeline

sys.path.append(snapshot_download("{repo_id}", allow_patterns="{normalization}"))
from normalization import normalize

classify = pipeline(
    "text-classification", model="{repo_id}", truncation=True, max_length={max_tokens}
)
print(classify(normalize("Beautiful post!!!")))
"""


def usage(repo_id: str, max_tokens: int) -> str:
    """Return a script that loads a model from the Hub and reads tweets as serving does.

    It needs transformers, torch and the published files, and nothing of this project.
    ``max_tokens`` is where serving cuts a text off.
    """
    return _SNIPPET.format(repo_id=repo_id, max_tokens=max_tokens, normalization=NORMALIZATION)


def write_normalization(folder: Path) -> None:
    """Copy the module that serving normalises texts with, which needs nothing but Python."""
    shutil.copyfile(inspect.getfile(normalization), folder / NORMALIZATION)
