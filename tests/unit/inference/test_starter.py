"""The starter model is imported where there is nothing else to serve, and only there."""

import bentoml
import pytest

from inference.starter import import_starter_if_needed, main
from inference.store import find_model

LATEST = bentoml.Tag("sentiment", "latest")

pytestmark = pytest.mark.usefixtures("store")


def test_an_empty_store_gets_the_starter() -> None:
    imported = import_starter_if_needed(LATEST)

    assert imported is not None
    assert imported.tag == getattr(find_model(LATEST), "tag", None)


def test_a_store_with_a_model_stays_as_it_is() -> None:
    import_starter_if_needed(LATEST)

    assert import_starter_if_needed(LATEST) is None
    assert 1 == len(bentoml.models.list("sentiment"))


def test_a_starter_without_weights_is_imported_anew_for_torch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("transformers", reason="the training group is not installed")
    import_starter_if_needed(LATEST)
    monkeypatch.setenv("RUNTIME", "torch")

    imported = import_starter_if_needed(LATEST)

    assert imported is not None
    assert imported.tag == getattr(find_model(LATEST), "tag", None)
    assert import_starter_if_needed(LATEST) is None


@pytest.mark.parametrize("wanted", ["sentiment:abc", "another", "another:latest"])
def test_a_starter_stands_in_for_no_other_model(wanted: str) -> None:
    assert import_starter_if_needed(bentoml.Tag.from_taglike(wanted)) is None


def test_a_model_tag_that_is_none_is_told_plainly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MODEL_TAG", "Bad Tag!")

    assert 1 == main()
    assert capsys.readouterr().err.startswith("MODEL_TAG = 'Bad Tag!' is not a valid tag.")


def test_a_runtime_that_is_none_is_told_plainly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RUNTIME", "tensorflow")

    assert 1 == main()
    assert capsys.readouterr().err.startswith("RUNTIME = 'tensorflow' is unknown.")


def test_the_import_says_so_once(capsys: pytest.CaptureFixture[str]) -> None:
    main()
    first = capsys.readouterr().out
    main()

    assert "imported the starter model as sentiment:" in first
    assert "" == capsys.readouterr().out
