"""The starter model is imported only if there is no other model to serve."""

import bentoml
import pytest

from inference.starter import import_starter_if_needed, main
from inference.store import find_model

LATEST = bentoml.Tag("sentiment", "latest")

pytestmark = pytest.mark.usefixtures("store")


def test_the_starter_is_imported_into_an_empty_store() -> None:
    imported = import_starter_if_needed(LATEST)

    assert imported is not None
    assert imported.tag == getattr(find_model(LATEST), "tag", None)


def test_a_store_with_a_model_is_not_changed() -> None:
    import_starter_if_needed(LATEST)

    assert import_starter_if_needed(LATEST) is None
    assert 1 == len(bentoml.models.list("sentiment"))


def test_a_starter_without_weights_is_imported_again_for_torch(
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
def test_the_starter_replaces_no_other_model(wanted: str) -> None:
    assert import_starter_if_needed(bentoml.Tag.from_taglike(wanted)) is None


def test_an_invalid_tag_is_one_plain_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MODEL_TAG", "Bad Tag!")

    assert 1 == main()
    assert capsys.readouterr().err.startswith("MODEL_TAG = 'Bad Tag!' is not a valid tag.")


def test_an_unknown_runtime_is_one_plain_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RUNTIME", "tensorflow")

    assert 1 == main()
    assert capsys.readouterr().err.startswith("RUNTIME = 'tensorflow' is unknown.")


def test_the_import_is_printed_once(capsys: pytest.CaptureFixture[str]) -> None:
    main()
    first = capsys.readouterr().out
    main()

    assert "imported the starter model as sentiment:" in first
    assert "" == capsys.readouterr().out
