"""The starter's tokenizer: lower-cased byte-level BPE, trained on tweets."""

import json
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from tokenizers.trainers import BpeTrainer
from transformers import PreTrainedTokenizerFast

SPECIAL_TOKENS = {
    "bos_token": "<s>",
    "pad_token": "<pad>",
    "eos_token": "</s>",
    "unk_token": "<unk>",
    "mask_token": "<mask>",
    "cls_token": "<s>",
    "sep_token": "</s>",
}
SPECIAL_IDS = {token: i for i, token in enumerate(dict.fromkeys(SPECIAL_TOKENS.values()))}
"""Ids as in RoBERTa's vocabulary: <s> 0, <pad> 1, </s> 2, <unk> 3."""


def train_tokenizer(texts: Iterable[str], size: int, max_length: int) -> PreTrainedTokenizerFast:
    """Train a tokenizer with at most ``size`` tokens, including the 256 bytes.

    Bytes as the smallest tokens can represent any text, also emoji. Compatibility forms (NFKC) and
    case are folded, because the data is too small to learn each form.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        texts,
        BpeTrainer(
            vocab_size=size,
            min_frequency=2,
            special_tokens=list(SPECIAL_IDS),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    tokenizer.post_processor = processors.RobertaProcessing(
        ("</s>", SPECIAL_IDS["</s>"]), ("<s>", SPECIAL_IDS["<s>"])
    )
    return _as_transformers(tokenizer, max_length)


def load_tokenizer(folder: Path, max_length: int) -> PreTrainedTokenizerFast:
    """Load a saved tokenizer without the truncation that its use has added."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    return _as_transformers(tokenizer, max_length)


def encode(tokenizer: PreTrainedTokenizerFast, texts: list[str]) -> list[list[int]]:
    """Return the token ids of each text with special tokens, truncated to the limit."""
    encoded: list[list[int]] = tokenizer(texts, truncation=True)["input_ids"]
    return encoded


def save_tokenizer(tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Save the tokenizer under the class name that transformers 4 also knows."""
    tokenizer.save_pretrained(folder)
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["tokenizer_class"] = "PreTrainedTokenizerFast"
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def _as_transformers(tokenizer: Tokenizer, max_length: int) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=max_length, **SPECIAL_TOKENS
    )
