"""Load a pretrained classifier or encoder with its tokenizer."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    set_seed,
)
from transformers.utils import CONFIG_NAME
from transformers.utils.hub import cached_file, extract_commit_hash

from inference.model_folder import longest_input
from training.data.dataset import LABELS, source_name
from training.data.label_alignment import align_labels, resolve_output_labels
from training.errors import TrainingError

_HEAD = "ForSequenceClassification"


@dataclass(frozen=True)
class LoadedModel:
    """A classifier in float32 and its tokenizer.

    ``class_ids`` are the model's ids of the classes of ``LABELS``, in their order. ``has_new_head``
    is true if an encoder got an untrained classification head. ``revision`` is the commit of a
    model on the Hub, None for a local folder.
    """

    name: str
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    class_ids: tuple[int, ...]
    has_new_head: bool
    revision: str | None = None

    @property
    def model_and_tokenizer(self) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
        """Return model and tokenizer."""
        return self.model, self.tokenizer


class ModelLoadError(TrainingError):
    """The model of the settings could not be loaded."""

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(
            f"no model could be loaded from {source!r}: {reason}. HF_REPO_ID or BASE_MODEL "
            "names a repository on the Hugging Face Hub or a local folder; a private repository "
            "needs HF_TOKEN, or `hf auth login`"
        )


def load_pretrained(
    source: str,
    token: str | None,
    seed: int,
    *,
    revision: str | None = None,
    labels: Sequence[str] | None = None,
) -> LoadedModel:
    """Load a model from the Hub or a local folder.

    ``revision`` is a branch, tag or commit on the Hub, by default the newest commit; it is resolved
    once, so that all files come from one commit. Without the Hub, its cache is used. An encoder
    gets a new head for the classes of ``LABELS``, initialized by the seed. A classifier's labels
    are replaced by those classes; ``labels`` names its outputs in their order if its own labels
    have no meaning. The tokenizer gets the model's own limit of tokens.

    Raises ModelLoadError if the model is missing or the Hub is unreachable, and LabelMismatchError
    if its classifier has other classes.
    """
    try:
        commit = _commit(source, token, revision)
        pinned = {"token": token, "revision": commit}
        config = AutoConfig.from_pretrained(source, **pinned)
        tokenizer = AutoTokenizer.from_pretrained(source, **pinned)
        is_encoder = not _has_classifier(config)
        if is_encoder:
            config.id2label = dict(enumerate(LABELS))
            config.label2id = {name: number for number, name in enumerate(LABELS)}
        set_seed(seed)
        model = AutoModelForSequenceClassification.from_pretrained(
            source, config=config, dtype=torch.float32, **pinned
        )
    except Exception as error:  # pylint: disable=broad-exception-caught  # damaged files raise anything
        raise ModelLoadError(source, str(error).partition("\n")[0].rstrip(".")) from error
    found = [str(model.config.id2label[number]) for number in sorted(model.config.id2label)]
    names = resolve_output_labels(source, LABELS, found, None if is_encoder else labels)
    _limit_tokens(tokenizer, model)
    model.config.id2label = dict(enumerate(names))
    model.config.label2id = {name: number for number, name in enumerate(names)}
    return LoadedModel(
        name=source_name(source),
        model=model,
        tokenizer=tokenizer,
        class_ids=align_labels(source, LABELS, names),
        has_new_head=is_encoder,
        revision=commit,
    )


def _limit_tokens(tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel) -> None:
    """Set the limit, which is missing without a tokenizer_config.json."""
    limits = {"model_max_length": tokenizer.model_max_length}
    tokenizer.model_max_length = longest_input(model.config.to_dict(), limits)


def _commit(source: str, token: str | None, revision: str | None) -> str | None:
    """Resolve a revision to its commit on the Hub, None for a local folder."""
    if Path(source).exists():
        return None
    path = cached_file(source, CONFIG_NAME, token=token, revision=revision)
    found: str | None = extract_commit_hash(path, None)
    return found


def _has_classifier(config: PretrainedConfig) -> bool:
    return any(name.endswith(_HEAD) for name in config.architectures or ())
