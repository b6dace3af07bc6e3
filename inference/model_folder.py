"""Model folders: transformers' files with an OpenVINO graph beside them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

GRAPH_FILE = "openvino_model.xml"
GRAPH_WEIGHTS_FILE = "openvino_model.bin"
TOKENIZER_FILE = "tokenizer.json"
METADATA_FILE = "metadata.json"
WEIGHTS_FILE = "model.safetensors"  # as transformers saves them

# These architectures count positions from pad_token_id + 1, so the position embeddings below are
# never used (create_position_ids_from_input_ids in transformers).
_POSITIONS_START_AFTER_PADDING = {
    "camembert",
    "data2vec-text",
    "ibert",
    "longformer",
    "mpnet",
    "roberta",
    "roberta-prelayernorm",
    "xlm-roberta",
    "xlm-roberta-xl",
    "xmod",
}
# transformers writes 1e30 if a tokenizer has no limit, but tokenizers refuses that value.
_NO_LIMIT = 1_000_000


class ModelFolderError(Exception):
    """A folder has no model that can be served."""

    def __init__(self, folder: Path, problem: str) -> None:
        super().__init__(
            f"{folder} cannot be served: {problem}. "
            "Export a model with `make model`, or see `models/starter` for an example."
        )


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A model as transformers saves it, with its OpenVINO graph.

    ``labels`` are in the order of the outputs; ``max_tokens`` is the longest input, special tokens
    included; ``metadata`` is the content of ``metadata.json``.
    """

    path: Path
    labels: tuple[str, ...]
    max_tokens: int
    pad_token_id: int
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def graph_path(self) -> Path:
        """Return the path of the OpenVINO graph."""
        return self.path / GRAPH_FILE

    @property
    def weights_path(self) -> Path:
        """Return the path of the trained weights, which only RUNTIME=torch needs."""
        return self.path / WEIGHTS_FILE

    @property
    def tokenizer_path(self) -> Path:
        """Return the path of the tokenizer in the format of the tokenizers library."""
        return self.path / TOKENIZER_FILE

    @classmethod
    def read(cls, path: Path) -> "ModelFolder":
        """Read ``config.json`` and ``tokenizer_config.json``.

        Raises ModelFolderError if a file is missing, is not JSON, or has no labels.
        """
        for name in (GRAPH_FILE, GRAPH_WEIGHTS_FILE, TOKENIZER_FILE):
            if not (path / name).is_file():
                raise ModelFolderError(path, f"it has no {name}")
        config = _read_json(path, "config.json")
        return cls(
            path=path,
            labels=_labels(path, config),
            max_tokens=longest_input(config, _read_json(path, "tokenizer_config.json")),
            pad_token_id=config.get("pad_token_id") or 0,
            metadata=_read_json(path, METADATA_FILE) if (path / METADATA_FILE).is_file() else {},
        )


def _read_json(folder: Path, name: str) -> dict[str, Any]:
    try:
        content = json.loads((folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelFolderError(folder, f"its {name} cannot be read ({error})") from error
    if not isinstance(content, dict):
        raise ModelFolderError(folder, f"its {name} is not a JSON object")
    return content


def _labels(folder: Path, config: dict[str, Any]) -> tuple[str, ...]:
    id2label = config.get("id2label")
    if not isinstance(id2label, dict) or len(id2label) < 2:
        raise ModelFolderError(folder, "its config.json has no labels (id2label)")
    return tuple(id2label[key] for key in sorted(id2label, key=int))


def longest_input(config: dict[str, Any], tokenizer_config: dict[str, Any]) -> int:
    """Return the longest input in tokens, special tokens included.

    The arguments are the contents of ``config.json`` and ``tokenizer_config.json``.
    """
    limits = [_NO_LIMIT]
    if (positions := config.get("max_position_embeddings")) is not None:
        after_padding = config.get("model_type") in _POSITIONS_START_AFTER_PADDING
        limits.append(positions - (config["pad_token_id"] + 1 if after_padding else 0))
    if (limit := tokenizer_config.get("model_max_length")) is not None:
        limits.append(int(limit))
    return min(limits)
