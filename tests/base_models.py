"""Small real models that training can start from."""

import json
import shutil
from pathlib import Path

from safetensors.torch import load_file, save_file

BLINDNESS = 5
"""A head start of the class negative, in logits, that no text makes up for."""


def blinded(starter: Path, folder: Path) -> Path:
    """Copy the starter's first layer as a model that calls everything negative, yet can learn.

    It is as transformers saves it, without the form that is served.
    """
    folder.mkdir(parents=True)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(starter / name, folder / name)
    config = json.loads((starter / "config.json").read_text(encoding="utf-8"))
    config["num_hidden_layers"] = 1
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    weights = load_file(starter / "model.safetensors")
    kept = {
        name: weight.clone()
        for name, weight in weights.items()
        if ".layer." not in name or ".layer.0." in name
    }
    kept["classifier.out_proj.bias"][0] += BLINDNESS
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    return folder
