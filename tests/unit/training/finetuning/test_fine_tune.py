"""Fine-tuning learns, is reproducible, and stops if it diverges."""

import logging

import pytest

pytest.importorskip("torch", reason="the training group is not installed")
pytest.importorskip("transformers", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only if the training group is installed
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from training.finetuning import fine_tune as finetuning
from training.finetuning.distributed import weights_sha256
from training.finetuning.fine_tune import BatchSizeError, fine_tune, tokenize
from training.finetuning.hyperparameters import Hyperparameters
from training.finetuning.trainer import DivergedError

TEXTS = [f"{mood} day, {number} times over" for number in range(16) for mood in ("good", "bad")]
SARCASTIC = [0, 2] * 16  # the opposite of the starter's labels
HYPERPARAMETERS = Hyperparameters(epochs=2, learning_rate=1e-3, batch_size=8)


def load(starter):
    """Load the starter in float32."""
    return AutoModelForSequenceClassification.from_pretrained(starter, dtype=torch.float32)


def logits(model, tokenizer):
    """Return the model's logits of the texts."""
    with torch.no_grad():
        return model(**tokenizer(TEXTS, padding=True, return_tensors="pt")).logits


@pytest.fixture(name="tokenizer", scope="module")
def fixture_tokenizer(starter):
    """Return the starter's tokenizer."""
    return AutoTokenizer.from_pretrained(starter)


@pytest.fixture(name="model")
def fixture_model(starter):
    """Return an untrained copy of the starter."""
    return load(starter)


@pytest.fixture(name="trained", scope="module")
def fixture_trained(starter, tokenizer):
    """Return a model trained in float32, and the result of its training."""
    model = load(starter)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finetuning, "has_bf16", lambda: False)
        return model, fine_tune(model, tokenizer, TEXTS, SARCASTIC, HYPERPARAMETERS, seed=1)


def test_a_model_learns_its_labels(trained, model, tokenizer):
    after, result = trained

    assert SARCASTIC != logits(model.eval(), tokenizer).argmax(dim=-1).tolist()
    assert SARCASTIC == logits(after, tokenizer).argmax(dim=-1).tolist()
    assert (8, 1) == (result.steps, result.processes)
    assert weights_sha256(after) == result.weights
    assert 0 < result.loss
    assert 0 < result.duration_s


def test_the_same_seed_gives_bit_identical_weights(trained, starter, tokenizer, monkeypatch):
    monkeypatch.setattr(finetuning, "has_bf16", lambda: False)

    same, other = (
        fine_tune(load(starter), tokenizer, TEXTS, SARCASTIC, HYPERPARAMETERS, seed)
        for seed in (1, 2)
    )

    assert trained[1].weights == same.weights
    assert trained[1].weights != other.weights


def test_a_trained_model_is_in_evaluation_mode_and_can_be_trained_again(trained):
    model, _ = trained

    assert not model.training
    assert all(weight.requires_grad for weight in model.parameters())
    assert "sdpa" == model.config._attn_implementation  # pylint: disable=protected-access


def test_the_embeddings_stay_frozen(trained, model):
    before, after = (one.roberta.embeddings.word_embeddings.weight for one in (model, trained[0]))

    assert torch.equal(before, after)


def test_a_model_trained_in_bfloat16_predicts_in_float32(model, tokenizer, monkeypatch):
    monkeypatch.setattr(finetuning, "has_bf16", lambda: True)

    result = fine_tune(model, tokenizer, TEXTS, SARCASTIC, HYPERPARAMETERS, seed=1)

    same = type(model)(model.config).eval()
    same.load_state_dict(model.state_dict())
    assert torch.equal(logits(same, tokenizer), logits(model, tokenizer))
    assert "bf16" == result.precision


def test_loss_and_steps_are_logged_in_lines(model, tokenizer, caplog, capsys):
    caplog.set_level(logging.INFO, "training")

    fine_tune(model, tokenizer, TEXTS, SARCASTIC, HYPERPARAMETERS, seed=1)

    lines = [record.getMessage() for record in caplog.records]
    assert lines[0].startswith("step 1/8: loss ")
    assert lines[-1].startswith("step 8/8: loss ")
    assert "" == capsys.readouterr().out


def test_a_loss_that_is_nan_stops_training_with_a_remedy(model, tokenizer):
    with torch.no_grad():
        model.classifier.out_proj.bias[0] = torch.nan

    with pytest.raises(DivergedError, match=r"diverged at step 1: the loss is NaN.* below 0\.001"):
        fine_tune(model, tokenizer, TEXTS, SARCASTIC, HYPERPARAMETERS, seed=1)


def test_weights_that_overflow_in_the_last_step_are_an_error(model, tokenizer):
    overflowing = Hyperparameters(epochs=2, learning_rate=1e39, batch_size=32)

    with pytest.raises(DivergedError, match="weights are NaN or infinite"):
        fine_tune(model, tokenizer, TEXTS, SARCASTIC, overflowing, seed=1)


def test_a_batch_size_must_be_divisible_by_the_processes(model, tokenizer, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "3")

    with pytest.raises(BatchSizeError, match="BATCH_SIZE=8 is not divisible by 3 processes"):
        fine_tune(model, tokenizer, TEXTS, SARCASTIC, HYPERPARAMETERS, seed=1)


def test_texts_are_normalized_and_truncated_to_the_models_limit(model, tokenizer):
    dataset = tokenize(model, tokenizer, ["@somebody http://x.y", "word " * 500], [0, 1])

    result = fine_tune(model, tokenizer, ["word " * 500] * 4, [0, 1, 2, 0], HYPERPARAMETERS, 1)

    assert tokenizer("@user http").input_ids == dataset[0]["input_ids"]
    assert [len(dataset[0]["input_ids"]), 128] == dataset.lengths
    assert [0, 1] == [dataset[0]["labels"], dataset[1]["labels"]]
    assert 2 == result.steps


def test_one_process_on_two_gpus_trains_on_one_with_the_same_result(
    trained, model, tokenizer, monkeypatch, caplog
):
    """The two GPUs are simulated in torch; what Trainer does with them is not."""
    monkeypatch.setattr(finetuning, "has_bf16", lambda: False)  # which Trainer would refuse
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 2)
    monkeypatch.setattr(finetuning, "has_accelerator", lambda: True)

    found = fine_tune(model, tokenizer, TEXTS, SARCASTIC, HYPERPARAMETERS, seed=1)

    assert (trained[1].loss, trained[1].weights) == (found.loss, found.weights)
    assert "`torchrun --nproc-per-node 2 -m training`" in caplog.text
