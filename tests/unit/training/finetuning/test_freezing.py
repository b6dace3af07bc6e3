"""Layers are frozen and attention dropout is off during training only, for several models."""

import pytest

pytest.importorskip("torch", reason="the training group is not installed")
pytest.importorskip("transformers", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only if the training group is installed
import torch
from transformers import (
    AlbertConfig,
    AlbertForSequenceClassification,
    BertConfig,
    BertForSequenceClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    XLMRobertaConfig,
    XLMRobertaForSequenceClassification,
)

from training.finetuning.freezing import frozen_layers, without_attention_dropout

SIZES = {
    "vocab_size": 30,
    "hidden_size": 8,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "intermediate_size": 8,
    "num_labels": 3,
}
DISTIL_SIZES = {"vocab_size": 30, "dim": 8, "n_layers": 4, "n_heads": 2, "hidden_dim": 8}
MODELS = (
    (BertForSequenceClassification, BertConfig.from_dict(SIZES)),
    (DistilBertForSequenceClassification, DistilBertConfig.from_dict(DISTIL_SIZES)),
    (XLMRobertaForSequenceClassification, XLMRobertaConfig.from_dict(SIZES)),
)
IDS = torch.tensor([[0, 5, 6, 7, 2, 1, 1]])
MASK = torch.tensor([[1, 1, 1, 1, 1, 0, 0]])


@pytest.fixture(name="model", params=MODELS, ids=lambda kind: kind[1].model_type)
def fixture_model(request):
    """Return an untrained model of four layers."""
    make, config = request.param
    return make(config)


def trainable(model):
    """Return the names of the weights that training would change."""
    return {name for name, weight in model.named_parameters() if weight.requires_grad}


def layer_of(name):
    """Return the layer number of a weight, or None."""
    numbers = [part for part in name.split(".") if part.isdecimal()]
    return int(numbers[0]) if ".layer." in name else None


def test_embeddings_and_the_lower_half_are_frozen(model):
    before = trainable(model)

    with frozen_layers(model, 0.5):
        inside = trainable(model)

    assert before == trainable(model)
    assert {
        name for name in before if "embeddings" in name or layer_of(name) in (0, 1)
    } == before - inside


def test_a_ratio_of_0_freezes_the_embeddings_only(model):
    before = trainable(model)

    with frozen_layers(model, 0.0):
        inside = trainable(model)

    assert {name for name in before if "embeddings" in name} == before - inside


def test_layers_with_shared_weights_are_all_trained():
    sizes = SIZES | {"embedding_size": 8}
    model = AlbertForSequenceClassification(AlbertConfig.from_dict(sizes))

    with frozen_layers(model, 0.5):
        inside = trainable(model)

    assert {"albert.embeddings.word_embeddings.weight"} == trainable(model) - inside


def test_weights_that_were_frozen_before_stay_frozen(model):
    model.get_input_embeddings().weight.requires_grad_(False)
    before = trainable(model)

    with frozen_layers(model, 0.5):
        pass

    assert before == trainable(model)


def test_frozen_layers_have_no_dropout(model):
    below = model.base_model.embeddings.dropout

    with frozen_layers(model, 0.5):
        inside = [part.p for part in model.modules() if isinstance(part, torch.nn.Dropout)]
        below_inside = below.p

    assert (0.0, 0.1) == (below_inside, below.p)
    assert 0.1 in inside


def test_attention_has_no_dropout_in_training():
    model = BertForSequenceClassification(
        BertConfig.from_dict(
            SIZES | {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.9}
        )
    )
    expected = model.eval()(IDS, attention_mask=MASK).logits
    model.train()

    with without_attention_dropout(model):
        inside = model(IDS, attention_mask=MASK).logits
    outside = model(IDS, attention_mask=MASK).logits

    torch.testing.assert_close(expected, inside)
    assert not torch.allclose(expected, outside)


def test_attention_dropout_can_be_disabled_for_every_model(model):
    with without_attention_dropout(model):
        inside = model.config._attn_implementation  # pylint: disable=protected-access

    assert "sdpa_without_dropout" == inside
    assert "sdpa" == model.config._attn_implementation  # pylint: disable=protected-access


def test_another_attention_implementation_is_kept():
    model = BertForSequenceClassification(BertConfig.from_dict(SIZES))
    model.set_attn_implementation("eager")

    with without_attention_dropout(model):
        inside = model.config._attn_implementation  # pylint: disable=protected-access

    assert "eager" == inside
