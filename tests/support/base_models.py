"""Small real models that training can start from."""

import json
import shutil
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import sentencepiece
import torch
from safetensors.torch import load_file, save_file
from transformers import XLMRobertaConfig, XLMRobertaForSequenceClassification, set_seed

from training.data.dataset import LABELS

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


def xlm_roberta(folder: Path, texts: Sequence[str], labels: Sequence[str] = LABELS) -> Path:
    """Write a small XLM-RoBERTa with the files of ``twitter-xlm-roberta-base-sentiment``.

    That is without safetensors, ``tokenizer.json`` and ``tokenizer_config.json``. Its weights are
    random.
    """
    folder.mkdir(parents=True)
    vocabulary = BytesIO()
    sentencepiece.SentencePieceTrainer.Train(
        sentence_iterator=iter(texts), model_writer=vocabulary, vocab_size=500, minloglevel=2
    )
    (folder / "sentencepiece.bpe.model").write_bytes(vocabulary.getvalue())
    config = XLMRobertaConfig.from_dict(
        {
            "vocab_size": 502,  # a pad and a mask token besides sentencepiece's own
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 64,
            "max_position_embeddings": 66,
            "type_vocab_size": 1,
            "layer_norm_eps": 1e-5,
            "architectures": ["XLMRobertaForSequenceClassification"],
            "id2label": dict(enumerate(labels)),
            "label2id": {label: number for number, label in enumerate(labels)},
        }
    )
    config.save_pretrained(folder)
    set_seed(0)
    weights = XLMRobertaForSequenceClassification(config).state_dict()
    torch.save(weights, folder / "pytorch_model.bin")
    mask = {"content": "<mask>", "lstrip": True, "normalized": True, "rstrip": False}
    tokens = {"bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "sep_token": "</s>"}
    tokens |= {"pad_token": "<pad>", "unk_token": "<unk>", "mask_token": mask}
    (folder / "special_tokens_map.json").write_text(json.dumps(tokens), encoding="utf-8")
    return folder
