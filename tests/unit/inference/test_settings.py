"""MODEL_TAG and RUNTIME select the model and its runtime."""

import pytest

from inference.settings import ModelSettings, ModelTagError, RuntimeNameError


@pytest.mark.parametrize("value", [None, ""])
def test_by_default_the_newest_sentiment_model_is_served(
    value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if value is not None:
        monkeypatch.setenv("MODEL_TAG", value)

    assert "sentiment:latest" == str(ModelSettings().tag)


def test_model_tag_selects_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_TAG", "sentiment:abc")

    assert ("sentiment", "abc") == (ModelSettings().tag.name, ModelSettings().tag.version)


@pytest.mark.parametrize("value", ["Bad Tag!", "sentiment:", ":abc"])
def test_an_invalid_tag_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_TAG", value)

    with pytest.raises(ModelTagError, match=f"MODEL_TAG = '{value}' is not a valid tag"):
        _ = ModelSettings().tag


@pytest.mark.parametrize(("value", "chosen"), [("", "openvino"), ("torch", "torch")])
def test_the_runtime_is_openvino_by_default(
    value: str, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNTIME", value)

    assert chosen == ModelSettings().chosen_runtime


def test_an_unknown_runtime_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNTIME", "tensorflow")

    with pytest.raises(RuntimeNameError, match=r"RUNTIME = 'tensorflow' .* openvino or torch"):
        _ = ModelSettings().chosen_runtime
