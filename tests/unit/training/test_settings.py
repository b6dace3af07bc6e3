"""Training settings are read from the environment."""

import pytest

from training.settings import LoginError, SettingError, TrainingSettings


@pytest.fixture(autouse=True)
def fixture_no_dataset(monkeypatch):
    """Unset DATASET, which names the real tweets of other tests."""
    monkeypatch.delenv("DATASET", raising=False)


def test_defaults():
    found = TrainingSettings.read()

    assert ("cardiffnlp/tweet_eval", 1000, 200, 42) == (
        found.dataset,
        found.train_size,
        found.eval_size,
        found.seed,
    )
    assert "cardiffnlp/twitter-roberta-base-sentiment-latest" == found.base_model
    assert ("better", None, None) == (found.promotion, found.hf_repo_id, found.token)


def test_variables_of_the_environment_are_read(monkeypatch):
    for name, value in {"TRAIN_SIZE": "50", "SEED": "7", "PROMOTION": "significant"}.items():
        monkeypatch.setenv(name, value)

    found = TrainingSettings.read()

    assert (50, 7, "significant") == (found.train_size, found.seed, found.promotion)


def test_empty_variables_count_as_unset(monkeypatch):
    defaults = TrainingSettings.read()
    for name in ("DATASET", "SEED", "HF_REPO_ID", "HF_TOKEN"):
        monkeypatch.setenv(name, "")

    assert defaults == TrainingSettings.read()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SEED", "-1"),
        ("SEED", "many"),
        ("TRAIN_SIZE", "0"),
        ("EVAL_SIZE", "1.5"),
        ("PROMOTION", "always"),
        ("RUNTIME", "tensorflow"),
        ("BASE_MODEL", " "),
        ("LABELS", "negative,positive"),
        ("LABELS", "negative,negative,positive"),
        ("LABELS", "negative,,positive"),
        ("LABELS", "bad,neutral,positive"),
    ],
)
def test_an_invalid_value_is_an_error_with_its_variable(monkeypatch, name, value):
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingError, match=f"{name}='{value}' cannot be used: "):
        TrainingSettings.read()


def test_hf_repo_id_is_fetched_or_else_the_base_model(monkeypatch):
    monkeypatch.setenv("BASE_MODEL", "some/base")
    without = TrainingSettings.read().source
    monkeypatch.setenv("HF_REPO_ID", "me/mine")

    assert ("some/base", "me/mine") == (without, TrainingSettings.read().source)


@pytest.mark.parametrize(("given", "found"), [("hf_secret\n", "hf_secret"), (" ", None)])
def test_white_space_around_the_token_is_stripped(monkeypatch, given, found):
    monkeypatch.setenv("HF_TOKEN", given)

    assert found == TrainingSettings.read().token


def test_the_token_is_not_shown(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")

    found = TrainingSettings.read()

    assert "hf_secret" == found.token
    assert "hf_secret" not in repr(found)


def test_without_hf_token_the_login_of_the_machine_is_used(tmp_path, monkeypatch):
    login = tmp_path / "token"
    login.write_text("hf_login\n", encoding="utf-8")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(login))

    found = TrainingSettings.read()

    assert "hf_login" == found.token
    assert "hf_login" not in repr(found)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    assert "hf_secret" == TrainingSettings.read().token


def test_a_login_is_not_used_if_implicit_tokens_are_disabled(tmp_path, monkeypatch):
    login = tmp_path / "token"
    login.write_text("hf_login", encoding="utf-8")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(login))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_IMPLICIT_TOKEN", True)

    assert TrainingSettings.read().token is None


def test_an_unreadable_login_is_an_error_without_its_content(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path))

    with pytest.raises(LoginError, match=r"IsADirectoryError\. Run `hf auth login` again"):
        _ = TrainingSettings.read().token


def test_output_labels_keep_their_order(monkeypatch):
    monkeypatch.setenv("LABELS", " Positive, NEUTRAL,negative")

    assert ("positive", "neutral", "negative") == TrainingSettings.read().labels


@pytest.mark.parametrize("new", [None, "0.5"])
def test_freeze_ratio_is_still_read_under_its_old_name_with_a_warning(monkeypatch, caplog, new):
    monkeypatch.setenv("FROZEN_SHARE", "0.25")
    if new is not None:
        monkeypatch.setenv("FREEZE_RATIO", new)

    found = TrainingSettings.read()

    assert float(new or 0.25) == found.freeze_ratio
    assert ["FROZEN_SHARE is now FREEZE_RATIO: rename it"] == caplog.messages
