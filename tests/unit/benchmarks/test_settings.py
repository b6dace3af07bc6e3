"""The command line says what is measured, the environment on what."""

from pathlib import Path

import pytest

from benchmarks.settings import QUICK, SAMPLES, THOROUGH, read_settings


def test_a_plain_run_measures_a_model_made_for_it_on_our_own_samples() -> None:
    settings = read_settings(["recording"], {})

    assert "recording" == settings.benchmark
    assert settings.model is None
    assert SAMPLES == settings.texts
    assert settings.database_url is None
    assert settings.dataset is None
    assert "openvino" == settings.runtime
    assert THOROUGH == settings.effort


def test_a_quick_run_takes_the_starter(starter: Path) -> None:
    settings = read_settings(["recording", "--quick"], {})

    assert starter == settings.model
    assert QUICK == settings.effort


def test_the_environment_names_model_texts_database_and_runtime() -> None:
    environment = {
        "MODEL": "a/model",
        "TEXTS": "texts.jsonl",
        "BENCH_DATABASE_URL": "sqlite:///x",
        "DATABASE_URL": "sqlite:///mine",
        "RUNTIME": "torch",
    }

    settings = read_settings(["recording", "--quick"], environment)

    assert Path("a/model") == settings.model
    assert Path("texts.jsonl") == settings.texts
    assert "sqlite:///x" == settings.database_url
    assert "torch" == settings.runtime


def test_the_environment_names_tweets_to_train_on() -> None:
    settings = read_settings(["training"], {"DATASET": "a/folder"})

    assert "training" == settings.benchmark
    assert "a/folder" == settings.dataset


def test_a_thorough_comparison_has_three_rounds_at_least() -> None:
    assert 3 <= THOROUGH.rounds
    assert 3 <= THOROUGH.training.rounds


def test_an_unknown_benchmark_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        read_settings(["painting"], {})

    assert "invalid choice: 'painting'" in capsys.readouterr().err
