"""The command line selects the benchmark, the environment the model, texts and database."""

from pathlib import Path

import pytest

from benchmarks.settings import FULL, QUICK, SAMPLES, read_settings


def test_by_default_a_random_model_is_measured_with_the_samples() -> None:
    settings = read_settings(["recording"], {})

    assert ("recording", "openvino", SAMPLES) == (
        settings.benchmark,
        settings.runtime,
        settings.texts,
    )
    assert {None} == {settings.model, settings.database_url, settings.dataset}
    assert FULL == settings.profile


def test_a_quick_run_measures_the_starter(starter: Path) -> None:
    settings = read_settings(["recording", "--quick"], {})

    assert (starter, QUICK) == (settings.model, settings.profile)


def test_the_environment_overrides_the_defaults_but_for_the_users_database() -> None:
    environment = {
        "MODEL": "a/model",
        "TEXTS": "texts.jsonl",
        "BENCH_DATABASE_URL": "sqlite:///x",
        "DATABASE_URL": "sqlite:///mine",
        "RUNTIME": "torch",
        "DATASET": "a/folder",
    }

    settings = read_settings(["recording", "--quick"], environment)

    assert Path("a/model") == settings.model
    assert Path("texts.jsonl") == settings.texts
    assert "sqlite:///x" == settings.database_url
    assert "torch" == settings.runtime
    assert "a/folder" == settings.dataset


def test_a_full_comparison_has_three_rounds_or_more() -> None:
    assert 3 <= min(FULL.serving.rounds, FULL.recording.rounds, FULL.training.rounds)


def test_the_old_name_of_a_benchmark_still_works() -> None:
    assert "scaling" == read_settings(["growth"], {}).benchmark


def test_an_unknown_benchmark_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        read_settings(["painting"], {})

    assert "invalid choice: 'painting'" in capsys.readouterr().err
