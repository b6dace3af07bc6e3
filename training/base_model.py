"""The model that training starts from."""

from dataclasses import dataclass

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

from training.dataset import LABELS
from training.errors import TrainingError
from training.labels import match
from training.sources import name_of

_HEAD = "ForSequenceClassification"


@dataclass(frozen=True)
class BaseModel:
    """Hold a classifier in float32 and its tokenizer, and what they are called.

    ``class_ids`` are the model's ids of the classes of ``LABELS``, in their order;
    ``has_new_classifier`` tells that it was an encoder, whose classifier has yet to learn all.
    """

    name: str
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    class_ids: tuple[int, ...]
    has_new_classifier: bool

    @property
    def parts(self) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
        """Return model and tokenizer, as most functions take them."""
        return self.model, self.tokenizer


class BaseModelError(TrainingError):
    """No model could be loaded from where the settings point."""

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(
            f"no model could be loaded from {source!r}: {reason}. HF_REPO_ID or BASE_MODEL "
            "names a repository on the Hugging Face Hub or a local folder; a private repository "
            "needs HF_TOKEN, or `hf auth login`"
        )


def load_base(source: str, token: str | None, seed: int) -> BaseModel:
    """Load a model from the Hub or a local folder.

    An encoder without a classifier gets a new one for the classes of ``LABELS``, its weights
    drawn by the seed. Raises BaseModelError where there is no such model or the Hub cannot be
    reached, and LabelsError where its classifier knows other classes.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, token=token)
        config = AutoConfig.from_pretrained(source, token=token)
        is_encoder = not _has_classifier(config)
        if is_encoder:
            config.id2label = dict(enumerate(LABELS))
            config.label2id = {name: number for number, name in enumerate(LABELS)}
        set_seed(seed)
        model = AutoModelForSequenceClassification.from_pretrained(
            source, config=config, token=token, dtype=torch.float32
        )
    except Exception as error:  # pylint: disable=broad-exception-caught  # for damaged files, anything
        raise BaseModelError(source, str(error).partition("\n")[0].rstrip(".")) from error
    names = [model.config.id2label[number] for number in sorted(model.config.id2label)]
    return BaseModel(name_of(source), model, tokenizer, match(source, LABELS, names), is_encoder)


def _has_classifier(config: PretrainedConfig) -> bool:
    return any(name.endswith(_HEAD) for name in config.architectures or ())
