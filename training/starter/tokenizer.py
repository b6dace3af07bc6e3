"""The starter's tokenizer: lower-cased byte-level BPE, learnt from the tweets themselves."""

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
"""The ids in the order of RoBERTa's own vocabulary: <s> 0, <pad> 1, </s> 2, <unk> 3."""


def learn_vocabulary(texts: Iterable[str], size: int, max_length: int) -> PreTrainedTokenizerFast:
    """Learn a vocabulary of at most ``size`` tokens, and never fewer than the 256 bytes.

    Bytes as the smallest pieces leave no text without tokens, emoji included. Compatibility
    forms (NFKC) and upper case are folded: the data is too small to learn each form apart.
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
    """Return the tokenizer that was saved in a folder, as it was made."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()  # which is saved with it once it has been used
    return _as_transformers(tokenizer, max_length)


def encode(tokenizer: PreTrainedTokenizerFast, texts: list[str]) -> list[list[int]]:
    """Return the token ids of each text, special tokens included, cut at the limit."""
    encoded: list[list[int]] = tokenizer(texts, truncation=True)["input_ids"]
    return encoded


def save_tokenizer(tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write the tokenizer so that transformers 4 reads it too, which knows it by another name."""
    tokenizer.save_pretrained(folder)
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["tokenizer_class"] = "PreTrainedTokenizerFast"
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def _as_transformers(tokenizer: Tokenizer, max_length: int) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=max_length, **SPECIAL_TOKENS
    )
