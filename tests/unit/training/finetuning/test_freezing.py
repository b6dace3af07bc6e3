"""What is left out of a training is left out while it lasts, in models of several kinds."""

import pytest

pytest.importorskip("torch", reason="the training group is not installed")
pytest.importorskip("transformers", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only where the training group is installed
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
    """Give an untrained model of four layers."""
    make, config = request.param
    return make(config)


def learning(model):
    """Return the names of the weights that training would change."""
    return {name for name, weight in model.named_parameters() if weight.requires_grad}


def layer_of(name):
    """Return the number of the layer that a weight belongs to, None for those of no layer."""
    numbers = [part for part in name.split(".") if part.isdecimal()]
    return int(numbers[0]) if ".layer." in name else None


def test_embeddings_and_lower_half_stay_as_they_are(model):
    everything = learning(model)

    with frozen_layers(model, 0.5):
        inside = learning(model)

    assert everything == learning(model)
    assert {
        name for name in everything if "embeddings" in name or layer_of(name) in (0, 1)
    } == everything - inside


def test_a_share_of_nothing_keeps_the_embeddings_alone(model):
    everything = learning(model)

    with frozen_layers(model, 0.0):
        inside = learning(model)

    assert {name for name in everything if "embeddings" in name} == everything - inside


def test_layers_that_share_their_weights_all_learn():
    sizes = SIZES | {"embedding_size": 8}
    model = AlbertForSequenceClassification(AlbertConfig.from_dict(sizes))

    with frozen_layers(model, 0.5):
        inside = learning(model)

    assert {"albert.embeddings.word_embeddings.weight"} == learning(model) - inside


def test_what_was_not_to_learn_before_is_not_to_learn_afterwards(model):
    model.get_input_embeddings().weight.requires_grad_(False)
    before = learning(model)

    with frozen_layers(model, 0.5):
        pass

    assert before == learning(model)


def test_what_is_frozen_has_no_dropout_meanwhile(model):
    below = model.base_model.embeddings.dropout

    with frozen_layers(model, 0.5):
        inside = [part.p for part in model.modules() if isinstance(part, torch.nn.Dropout)]
        below_inside = below.p

    assert (0.0, 0.1) == (below_inside, below.p)
    assert 0.1 in inside


def test_attention_leaves_nothing_out_while_learning():
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


def test_every_kind_of_model_can_do_without(model):
    with without_attention_dropout(model):
        inside = model.config._attn_implementation  # pylint: disable=protected-access

    assert "sdpa_without_dropout" == inside
    assert "sdpa" == model.config._attn_implementation  # pylint: disable=protected-access


def test_a_model_with_another_attention_keeps_it():
    model = BertForSequenceClassification(BertConfig.from_dict(SIZES))
    model.set_attn_implementation("eager")

    with without_attention_dropout(model):
        inside = model.config._attn_implementation  # pylint: disable=protected-access

    assert "eager" == inside
