"""An older model is served again."""

import json
import shutil
from pathlib import Path

import bentoml
import pytest

pytest.importorskip("nncf", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only where the training group is installed
from inference.store import MODEL_NAME, find, list_models, register
from training import promotion
from training.files import Files
from training.promotion import consequence
from training.records import Best
from training.rollback import RollbackError, main, roll_back

pytestmark = pytest.mark.usefixtures("store")


@pytest.fixture(name="files")
def fixture_files(tmp_path: Path) -> Files:
    """Return where runs have written."""
    return Files(tmp_path / "run")


@pytest.fixture(name="make_model")
def fixture_make_model(starter: Path, tmp_path: Path):
    """Give a maker of models in the store, whose accuracy tells them apart."""

    def make(accuracy: float | None) -> bentoml.Model:
        folder = Path(shutil.copytree(starter, tmp_path / str(accuracy)))
        metadata = json.loads((folder / "metadata.json").read_text()) | {"origin": "trained"}
        metadata["metrics"] = {} if accuracy is None else {"accuracy": accuracy}
        (folder / "metadata.json").write_text(json.dumps(metadata))
        return register(folder)

    return make


def test_the_older_model_is_the_newest_again_and_the_champion(make_model, files):
    older = make_model(0.8)
    make_model(0.7)

    model = roll_back(older.tag, files)

    assert model.tag == find(bentoml.Tag(MODEL_NAME, None)).tag
    assert {"accuracy": 0.8} == model.info.metadata["metrics"]
    best = Best.read(files.best)
    assert (0.8, str(model.tag)) == (best.accuracy, best.model_tag)
    assert str(older.tag) == best.details["rolled_back_to"]
    assert ["rollback"] == [one.origin for one in best.history]


def test_the_history_is_kept(make_model, files):
    first, second = make_model(0.8), make_model(0.7)
    roll_back(first.tag, files)

    roll_back(second.tag, files)

    assert [0.8, 0.7] == [one.accuracy for one in Best.read(files.best).history]


@pytest.mark.parametrize("tag", ["sentiment:missing", "sentiment:latest", "other:missing"])
def test_a_tag_that_names_no_model_is_told(make_model, files, tag):
    make_model(0.7)

    with pytest.raises(RollbackError, match=f"{tag} cannot be rolled back to: .* no model"):
        roll_back(bentoml.Tag.from_taglike(tag), files)


def test_the_champion_cannot_be_rolled_back_to(make_model, files):
    with pytest.raises(RollbackError, match="it is the champion"):
        roll_back(make_model(0.7).tag, files)


def test_a_rollback_that_is_repeated_changes_nothing(make_model, files):
    older = make_model(0.8)
    make_model(0.7)
    first = roll_back(older.tag, files)

    again = roll_back(older.tag, files)

    assert first.tag == again.tag
    assert 1 == len(Best.read(files.best).history)


def test_a_rollback_that_was_interrupted_is_completed_by_the_next_one(
    make_model, files, monkeypatch
):
    older = make_model(0.8)
    make_model(0.7)
    with monkeypatch.context() as patch:
        patch.setattr(promotion, "_conclude", lambda *_: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            roll_back(older.tag, files)
    interrupted = find(bentoml.Tag(MODEL_NAME, None))

    model = roll_back(older.tag, files)

    assert interrupted.tag == model.tag
    assert str(model.tag) == Best.read(files.best).model_tag
    assert 3 == len(list_models())


def test_a_version_that_several_begin_with_is_told(files, starter):
    for version in ("ab1", "ab2"):
        register(starter, bentoml.Tag(MODEL_NAME, version))

    with pytest.raises(RollbackError, match="one of several"):
        roll_back(bentoml.Tag(MODEL_NAME, "ab"), files)


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("", "serves it from now on"),
        ("sentiment", "serves it from now on"),
        ("sentiment:new", "serves it from now on"),
        ("sentiment:old", "goes on serving what MODEL_TAG names, sentiment:old"),
    ],
)
def test_what_is_served_then_is_told_as_model_tag_has_it(monkeypatch, named, told):
    monkeypatch.setenv("MODEL_TAG", named)

    assert told in consequence("sentiment:new")


def test_the_starter_is_never_a_champion(starter, make_model, files):
    tag = register(starter).tag
    make_model(0.7)

    with pytest.raises(RollbackError, match="the starter model"):
        roll_back(tag, files)


def test_a_model_without_figures_is_no_champion(make_model, files):
    tag = make_model(None).tag
    make_model(0.7)

    with pytest.raises(RollbackError, match=r"never measured.*MODEL_TAG"):
        roll_back(tag, files)


def test_the_command_takes_the_version_alone(make_model, tmp_path, monkeypatch, capsys):
    older = make_model(0.8)
    make_model(0.7)
    monkeypatch.chdir(tmp_path)

    status = main([str(older.tag.version)])

    assert 0 == status
    told = capsys.readouterr().out
    assert told.startswith(f"Registered {older.tag.version} again as sentiment:")
    assert (tmp_path / "best_metrics.json").is_file()


@pytest.mark.parametrize("tag", ["missing", "a b", "sentiment:"])
def test_the_command_tells_of_a_bad_tag_without_a_traceback(tag, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    status = main([tag])

    assert 1 == status
    assert "cannot be rolled back to" in capsys.readouterr().err
