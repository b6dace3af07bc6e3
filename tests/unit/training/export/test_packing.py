"""Packed classifiers give the logits of single texts, or are refused."""

from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the training group is not installed")
transformers = pytest.importorskip("transformers", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only if the training group is installed
from inference.packed_classifier import PackedClassifier
from inference.packing import INPUTS, PackingError, collate, pack
from training.export.export import export
from training.export.verification import pack_classifier
from training.starter.tokenizer import train_tokenizer

TEXTS = ["some texts", "of several lengths", "so that some of them share a row", "!"] * 9
SIZES: dict[str, Any] = {
    "vocab_size": 300,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 64,
    "pad_token_id": 1,
    "initializer_range": 0.2,
}


def tiny(architecture: str, **sizes: Any) -> Any:
    """Return an untrained classifier."""
    torch.manual_seed(0)
    config = getattr(transformers, f"{architecture}Config")(**SIZES | sizes)
    return getattr(transformers, f"{architecture}ForSequenceClassification")(config).eval()


@pytest.fixture(name="tokenizer", scope="module")
def fixture_tokenizer() -> Any:
    """Learn a small vocabulary."""
    return train_tokenizer(TEXTS, size=300, max_length=60)


@pytest.mark.parametrize("architecture", ["Roberta", "Bert", "Electra", "Camembert"])
def test_packed_texts_get_the_logits_of_single_texts(architecture: str, tokenizer: Any) -> None:
    model = tiny(architecture)
    token_ids = [tokenizer(text)["input_ids"] for text in TEXTS]
    (rows,) = pack([len(ids) for ids in token_ids[:16]])
    arrays = collate(rows, token_ids, 1)

    with torch.no_grad():
        found = PackedClassifier(model)(*(torch.from_numpy(arrays[name]) for name in INPUTS))
        expected = [
            model(torch.tensor([token_ids[text]])).logits[0] for row in rows for text in row
        ]

    assert max(map(len, rows)) > 1
    torch.testing.assert_close(torch.stack(expected), found, atol=1e-5, rtol=0)


def test_the_model_itself_is_unchanged(tokenizer: Any) -> None:
    model = tiny("Roberta")
    encoded = tokenizer(TEXTS[:3], padding=True, return_tensors="pt")
    before = model(**encoded).logits

    pack_classifier(model, tokenizer)

    assert torch.equal(before, model(**encoded).logits)


def test_checked_texts_are_truncated_to_the_models_limit(tokenizer: Any) -> None:
    _, inputs = pack_classifier(tiny("Roberta", max_position_embeddings=8), tokenizer)

    assert 5 == inputs[INPUTS.index("position_ids")].max()


def pooled() -> Any:
    """Return a classifier whose head reads the states of all tokens."""
    model = tiny("Roberta")
    head = model.classifier.forward
    model.classifier.forward = lambda states: head(states.mean(dim=1, keepdim=True))
    return model


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tiny("Albert", embedding_size=16), "^AlbertForSequenceClassification cannot be"),
        (
            lambda: tiny("Deberta", relative_attention=True, pos_att_type=["c2p", "p2c"]),
            "it cannot read several texts in a row",
        ),
        (pooled, "its logits differ if several texts share a row"),
    ],
    ids=["other structure", "relative positions", "head reads all tokens"],
)
def test_a_model_that_cannot_be_packed_is_refused(make: Any, message: str, tokenizer: Any) -> None:
    with pytest.raises(PackingError, match=message):
        pack_classifier(make(), tokenizer)


def test_nothing_is_written_for_a_refused_model(tokenizer: Any, tmp_path: Any) -> None:
    with pytest.raises(PackingError):
        export(tiny("Albert", embedding_size=16), tokenizer, tmp_path / "model", precision="fp32")

    assert not list(tmp_path.iterdir())
