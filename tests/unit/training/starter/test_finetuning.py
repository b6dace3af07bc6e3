"""Masking, loss and class-prior adjustment of fine-tuning, and its padded batches."""

import pytest

torch = pytest.importorskip("torch", reason="the training group is not installed")
pytest.importorskip("transformers", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only if the training group is installed
from transformers import RobertaConfig, RobertaForSequenceClassification
from transformers.modeling_outputs import SequenceClassifierOutput

from training.starter.finetuning import adjust_for_class_prior, cross_entropy, mask_tokens
from training.starter.tokenizer import train_tokenizer


@pytest.fixture(name="tokenizer")
def fixture_tokenizer():
    """Return a small tokenizer."""
    return train_tokenizer(["some texts", "of some words"], size=300, max_length=32)


@pytest.fixture(name="model")
def fixture_model():
    """Return an untrained model with two classes."""
    return RobertaForSequenceClassification(
        # pylint: disable-next=unexpected-keyword-arg  # transformers makes its fields at run time
        RobertaConfig(
            vocab_size=300,
            hidden_size=8,
            num_hidden_layers=1,
            num_attention_heads=1,
            intermediate_size=8,
            num_labels=2,
        )
    )


def test_about_the_given_share_of_tokens_is_masked(tokenizer):
    torch.manual_seed(0)
    tokens = torch.full((100, 100), 50)

    mask_tokens(tokens, tokenizer, share=0.3)

    assert pytest.approx(0.3, abs=0.02) == (tokens == tokenizer.mask_token_id).float().mean()


def test_special_tokens_are_never_masked(tokenizer):
    tokens = torch.tensor([[0, 50, 2, 1, 1]])

    mask_tokens(tokens, tokenizer, share=1.0)

    assert [[0, tokenizer.mask_token_id, 2, 1, 1]] == tokens.tolist()


def test_the_loss_is_smallest_at_the_target():
    target = torch.tensor([[0.7, 0.2, 0.1]])

    at_target, elsewhere = (
        cross_entropy(SequenceClassifierOutput(logits=logits), target)
        for logits in (target.log(), torch.tensor([[5.0, 0.0, 0.0]]))
    )

    assert at_target < elsewhere


def test_full_adjustment_removes_the_class_shares_from_the_bias(model):
    model.classifier.out_proj.bias.data = torch.log(torch.tensor([0.25, 0.75]))

    adjust_for_class_prior(model, [0, 1, 1, 1], balance=1.0)

    torch.testing.assert_close(torch.zeros(2), model.classifier.out_proj.bias.data)


def test_an_adjustment_by_0_changes_nothing(model):
    before = model.classifier.out_proj.bias.detach().clone()

    adjust_for_class_prior(model, [0, 1, 1, 1], balance=0.0)

    torch.testing.assert_close(before, model.classifier.out_proj.bias.detach())
