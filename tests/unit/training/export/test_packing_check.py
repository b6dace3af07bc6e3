"""A classifier reads several texts in a row, or says that it cannot."""

from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the training group is not installed")
transformers = pytest.importorskip("transformers", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only where the training group is installed
from inference.packed_classifier import PackedClassifier
from inference.packing import INPUTS, PackingError, collate, pack
from training.export.export import export
from training.export.packing_check import pack_classifier
from training.starter.tokenizer import learn_vocabulary

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
    return learn_vocabulary(TEXTS, size=300, max_length=60)


@pytest.mark.parametrize("architecture", ["Roberta", "Bert", "Electra", "Camembert"])
def test_a_text_gets_the_logits_that_it_gets_alone(architecture: str, tokenizer: Any) -> None:
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


def test_the_model_itself_stays_as_it_was(tokenizer: Any) -> None:
    model = tiny("Roberta")
    encoded = tokenizer(TEXTS[:3], padding=True, return_tensors="pt")
    before = model(**encoded).logits

    pack_classifier(model, tokenizer)

    assert torch.equal(before, model(**encoded).logits)


def test_a_model_that_reads_but_few_tokens_is_checked_with_so_many(tokenizer: Any) -> None:
    _, inputs = pack_classifier(tiny("Roberta", max_position_embeddings=8), tokenizer)

    assert 5 == inputs[INPUTS.index("position_ids")].max()


def test_a_model_that_is_built_otherwise_is_refused_by_its_name(tokenizer: Any) -> None:
    with pytest.raises(PackingError, match=r"^AlbertForSequenceClassification cannot be served"):
        pack_classifier(tiny("Albert", embedding_size=16), tokenizer)


def test_a_model_with_positions_relative_to_others_is_refused(tokenizer: Any) -> None:
    model = tiny("Deberta", relative_attention=True, pos_att_type=["c2p", "p2c"])

    with pytest.raises(PackingError, match="it does not read several texts in a row"):
        pack_classifier(model, tokenizer)


def test_a_model_whose_head_reads_more_than_first_tokens_is_refused(tokenizer: Any) -> None:
    model = tiny("Roberta")
    head = model.classifier.forward
    model.classifier.forward = lambda states: head(states.mean(dim=1, keepdim=True))

    with pytest.raises(PackingError, match="it tells something else of them"):
        pack_classifier(model, tokenizer)


def test_nothing_is_written_of_a_model_that_is_refused(tokenizer: Any, tmp_path: Any) -> None:
    with pytest.raises(PackingError):
        export(tiny("Albert", embedding_size=16), tokenizer, tmp_path / "model", precision="fp32")

    assert not list(tmp_path.iterdir())
