"""Fetch a trained model and put it into the Bento store: ``python -m training.fetch``."""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import bentoml
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from inference.store import METADATA_FILE, register
from training.export import export
from training.settings import HubSettings


class FetchError(Exception):
    """No model could be fetched from where the settings point."""

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(
            f"no model could be fetched from {source!r}: {reason}. HF_REPO_ID, or else BASE_MODEL, "
            "names a repository on the Hugging Face Hub or a local folder; a private repository "
            "needs HF_TOKEN."
        )


def fetch(source: str, token: str | None = None) -> bentoml.Model:
    """Export the model of a Hub repository or local folder, and register it in the store.

    The export is float32: what an int8 form would cost in accuracy has not been measured here.

    Raises FetchError where there is no such model, or the Hub cannot be reached.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, token=token)
        model = AutoModelForSequenceClassification.from_pretrained(
            source, token=token, dtype=torch.float32
        )
    except (OSError, ValueError) as error:
        raise FetchError(source, str(error).partition("\n")[0].rstrip(".")) from error
    metadata = {
        "origin": "fetched",
        "base_model": source,
        "precision": "fp32",
        "precision_reason": "fetched models are served in float32, whose accuracy is their own",
        "metrics": {},
    }
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        export(model, tokenizer, folder, precision="fp32")
        (folder / METADATA_FILE).write_text(json.dumps(metadata), encoding="utf-8")
        return register(folder)


def main() -> int:
    """Fetch what the settings name; return the exit status."""
    settings = HubSettings()
    print(f"Fetching {settings.source}", flush=True)
    try:
        model = fetch(settings.source, settings.token)
    except FetchError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Registered {model.tag}; `make serve` serves it from now on.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
