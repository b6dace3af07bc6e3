"""Fine-tuning learns, can be repeated, and leaves no half-truths behind."""

import logging

import pytest

pytest.importorskip("torch", reason="the training group is not installed")
pytest.importorskip("transformers", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only where the training group is installed
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from training.finetuning import fine_tune as finetuning
from training.finetuning.distributed import weights_sha256
from training.finetuning.fine_tune import BatchSizeError, encode, fine_tune
from training.finetuning.hyperparameters import Hyperparameters
from training.finetuning.trainer import DivergedError

TEXTS = [f"{mood} day, {number} times over" for number in range(16) for mood in ("good", "bad")]
SARCASTIC = [0, 2] * 16  # the other way round than the starter has it
RECIPE = Hyperparameters(epochs=2, learning_rate=1e-3, batch_size=8)


@pytest.fixture(name="tokenizer")
def fixture_tokenizer(starter):
    """Give the starter's tokenizer."""
    return AutoTokenizer.from_pretrained(starter)


@pytest.fixture(name="model")
def fixture_model(starter):
    """Give the starter's weights."""
    return AutoModelForSequenceClassification.from_pretrained(starter, dtype=torch.float32)


def classify(model, tokenizer):
    """Return the class that the model sees in each text."""
    with torch.no_grad():
        logits = model(**tokenizer(TEXTS, padding=True, return_tensors="pt")).logits
    return logits.argmax(dim=-1).tolist()


def test_a_model_learns_what_it_is_told(model, tokenizer):
    before = classify(model.eval(), tokenizer)

    run = fine_tune(model, tokenizer, TEXTS, SARCASTIC, RECIPE, seed=1)

    assert before != classify(model, tokenizer)
    assert SARCASTIC == classify(model, tokenizer)
    assert (8, 1) == (run.steps, run.processes)
    assert weights_sha256(model) == run.weights
    assert 0 < run.loss
    assert 0 < run.duration_s


def test_the_same_seed_gives_the_same_weights_to_the_last_bit(starter, tokenizer):
    runs = [
        fine_tune(
            AutoModelForSequenceClassification.from_pretrained(starter, dtype=torch.float32),
            tokenizer,
            TEXTS,
            SARCASTIC,
            RECIPE,
            seed,
        )
        for seed in (1, 1, 2)
    ]

    assert runs[0].weights == runs[1].weights
    assert runs[0].weights != runs[2].weights


def test_a_trained_model_is_ready_to_judge_and_to_learn_again(model, tokenizer):
    fine_tune(model, tokenizer, TEXTS, SARCASTIC, RECIPE, seed=1)

    assert not model.training
    assert all(weight.requires_grad for weight in model.parameters())
    assert "sdpa" == model.config._attn_implementation  # pylint: disable=protected-access


def test_a_model_trained_in_bfloat16_judges_in_float32(model, tokenizer, monkeypatch):
    monkeypatch.setattr(finetuning, "has_bf16", lambda: True)
    run = fine_tune(model, tokenizer, TEXTS, SARCASTIC, RECIPE, seed=1)
    inputs = tokenizer(TEXTS, padding=True, return_tensors="pt")
    same = type(model)(model.config).eval()
    same.load_state_dict(model.state_dict())

    with torch.no_grad():
        assert torch.equal(same(**inputs).logits, model(**inputs).logits)

    assert "bf16" == run.precision


def test_what_the_recipe_freezes_stays_as_it_was(model, tokenizer):
    before = model.roberta.embeddings.word_embeddings.weight.clone()

    fine_tune(model, tokenizer, TEXTS, SARCASTIC, RECIPE, seed=1)

    assert torch.equal(before, model.roberta.embeddings.word_embeddings.weight)


def test_loss_and_steps_are_told_in_lines(model, tokenizer, caplog, capsys):
    caplog.set_level(logging.INFO, "training")

    run = fine_tune(model, tokenizer, TEXTS, SARCASTIC, RECIPE, seed=1)

    lines = [record.getMessage() for record in caplog.records]
    assert lines[0].startswith("step 1/8: loss ")
    assert lines[-1].startswith("step 8/8: loss ")
    assert 8 == run.steps
    assert "" == capsys.readouterr().out


def test_a_loss_that_is_no_number_stops_the_run_and_says_what_to_do(model, tokenizer):
    with torch.no_grad():
        model.classifier.out_proj.bias[0] = torch.nan

    with pytest.raises(DivergedError, match=r"step 1: the loss is no finite .* below 0\.001"):
        fine_tune(model, tokenizer, TEXTS, SARCASTIC, RECIPE, seed=1)


def test_weights_that_are_no_numbers_after_the_last_step_are_an_error_too(model, tokenizer):
    recipe = Hyperparameters(
        epochs=2, learning_rate=1e39, batch_size=32
    )  # its last step leaves float32's range

    with pytest.raises(DivergedError, match="weights are no finite numbers"):
        fine_tune(model, tokenizer, TEXTS, SARCASTIC, recipe, seed=1)


def test_a_batch_that_processes_cannot_share_is_an_error(model, tokenizer, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "3")

    with pytest.raises(BatchSizeError, match="a batch of 8 texts cannot be shared by 3 processes"):
        fine_tune(model, tokenizer, TEXTS, SARCASTIC, RECIPE, seed=1)


def test_texts_are_normalised_and_cut_at_the_models_own_limit(model, tokenizer):
    rows = encode(model, tokenizer, ["@somebody http://x.y", "word " * 500], [0, 1])

    assert tokenizer("@user http").input_ids == rows[0]["input_ids"]
    assert [len(rows[0]["input_ids"]), 128] == rows.lengths
    assert [0, 1] == [row["labels"] for row in (rows[0], rows[1])]


def test_texts_longer_than_the_limit_can_be_learnt(model, tokenizer):
    run = fine_tune(model, tokenizer, ["word " * 500] * 4, [0, 1, 2, 0], RECIPE, seed=1)

    assert 2 == run.steps


def test_with_several_gpus_one_process_learns_from_the_same_loss_on_one_of_them(
    starter, tokenizer, monkeypatch, caplog
):
    """torch stands for two GPUs here: what Trainer does about them is its own."""

    def learn():
        model = AutoModelForSequenceClassification.from_pretrained(starter, dtype=torch.float32)
        return fine_tune(model, tokenizer, TEXTS, SARCASTIC, RECIPE, seed=1)

    monkeypatch.setattr(finetuning, "has_bf16", lambda: False)  # which Trainer would not believe
    alone = learn()
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 2)
    monkeypatch.setattr(finetuning, "has_accelerator", lambda: True)

    found = learn()

    assert alone.loss == found.loss
    assert (alone.weights, alone.steps) == (found.weights, found.steps)
    assert "`torchrun --nproc-per-node 2 -m training`" in caplog.text
