"""Make a RoBERTa of full size with random weights: `python -m benchmarks.random_model FOLDER`.

It computes what a trained one does, so that speed can be measured where none can be fetched.
"""

import json
import sys
from pathlib import Path

import torch
from transformers import AutoTokenizer, RobertaConfig, RobertaForSequenceClassification

from benchmarks.model import ORIGIN
from benchmarks.texts import SAMPLES, read_texts
from inference.model_folder import METADATA_FILE
from inference.starter import STARTER_FOLDER
from training.export.export import export

SEED = 0
MAX_TOKENS = 512  # RoBERTa's own limit
CALIBRATION_TEXTS = 16  # there is no accuracy to keep
LABELS = {0: "negative", 1: "neutral", 2: "positive"}
METADATA = {
    "origin": ORIGIN,
    "base_model": "roberta-base, with random weights",
    "precision": "int8",
    "precision_reason": "int8 is what is measured",
    "metrics": {},
}


def make(folder: Path) -> None:
    """Write the model into ``folder`` as it is served, int8, and as transformers loads it.

    Its tokenizer is the starter's, whose ids fit the larger vocabulary. It learnt fewer tokens
    than RoBERTa's own, so texts are some tokens longer than they would be there.
    """
    torch.manual_seed(SEED)
    model = RobertaForSequenceClassification(roberta_base())
    tokenizer = AutoTokenizer.from_pretrained(STARTER_FOLDER, model_max_length=MAX_TOKENS)
    references = export(model, tokenizer, folder, read_texts(SAMPLES)[:CALIBRATION_TEXTS])
    model.save_pretrained(folder)
    metadata = METADATA | references.to_metadata()
    (folder / METADATA_FILE).write_text(json.dumps(metadata), encoding="utf-8")


def roberta_base() -> RobertaConfig:
    """Return the sizes of roberta-base. Source: its config.json."""
    return RobertaConfig(  # pylint: disable=unexpected-keyword-arg  # a dataclass by inheritance
        vocab_size=50_265,
        hidden_size=768,
        num_hidden_layers=12,
        num_attention_heads=12,
        intermediate_size=3072,
        max_position_embeddings=MAX_TOKENS + 2,  # positions are counted from 2
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        id2label=LABELS,
    )


if __name__ == "__main__":
    make(Path(sys.argv[1]))
