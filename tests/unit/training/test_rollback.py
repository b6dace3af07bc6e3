"""An older model is served again."""

import json
import shutil
from pathlib import Path

import bentoml
import pytest

pytest.importorskip("nncf", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only if the training group is installed
from inference.store import MODEL_NAME, find_model, list_models, register_model
from tests.support.hub import Hub
from tests.support.hub.client import UPLOAD_DEPRECATION, keep_client_to
from training.files import Files, write_json
from training.hub.push import push_to_hf
from training.hub.repository import HubRepository
from training.promotion import registry as promotion
from training.promotion.champion_record import ChampionRecord
from training.promotion.registry import serving_note
from training.rollback import RollbackError, main, roll_back

NAME = "us/sentiment"
FILE = "/{repo_id}/resolve/{revision}/{filename}"
CARD = "---\nlanguage: en\n---\n\n# Tweets\n\nGood.\n"

pytestmark = [pytest.mark.usefixtures("store"), pytest.mark.filterwarnings(UPLOAD_DEPRECATION)]


@pytest.fixture(name="files")
def fixture_files(tmp_path: Path) -> Files:
    """Return where runs have written."""
    return Files(tmp_path / "run")


@pytest.fixture(name="make_model")
def fixture_make_model(starter: Path, tmp_path: Path):
    """Return a function that registers models, which differ in their accuracy."""

    def make(accuracy: float | None) -> bentoml.Model:
        folder = Path(shutil.copytree(starter, tmp_path / str(accuracy)))
        metadata = json.loads((folder / "metadata.json").read_text()) | {"origin": "trained"}
        metadata["metrics"] = {} if accuracy is None else {"accuracy": accuracy}
        (folder / "metadata.json").write_text(json.dumps(metadata))
        return register_model(folder)

    return make


def test_the_older_model_becomes_the_newest_and_the_champion(make_model, files):
    older = make_model(0.8)
    make_model(0.7)

    model = roll_back(older.tag, files)

    assert model.tag == find_model(bentoml.Tag(MODEL_NAME, None)).tag
    assert {"accuracy": 0.8} == model.info.metadata["metrics"]
    best = ChampionRecord.read(files.best)
    assert (0.8, str(model.tag)) == (best.accuracy, best.model_tag)
    assert str(older.tag) == best.details["rolled_back_to"]
    assert ["rollback"] == [one.origin for one in best.history]


def test_the_history_is_kept(make_model, files):
    first, second = make_model(0.8), make_model(0.7)
    roll_back(first.tag, files)

    roll_back(second.tag, files)

    assert [0.8, 0.7] == [one.accuracy for one in ChampionRecord.read(files.best).history]


@pytest.mark.parametrize("tag", ["sentiment:missing", "sentiment:latest", "other:missing"])
def test_a_tag_without_a_model_is_refused(make_model, files, tag):
    make_model(0.7)

    with pytest.raises(RollbackError, match=f"{tag} cannot be rolled back to: .* no model"):
        roll_back(bentoml.Tag.from_taglike(tag), files)


def test_the_champion_cannot_be_rolled_back_to(make_model, files):
    with pytest.raises(RollbackError, match="it is the champion"):
        roll_back(make_model(0.7).tag, files)


def test_a_repeated_rollback_changes_nothing(make_model, files):
    older = make_model(0.8)
    make_model(0.7)
    first = roll_back(older.tag, files)

    again = roll_back(older.tag, files)

    assert first.tag == again.tag
    assert 1 == len(ChampionRecord.read(files.best).history)


def test_the_next_rollback_completes_an_interrupted_one(make_model, files, monkeypatch):
    older = make_model(0.8)
    make_model(0.7)
    with monkeypatch.context() as patch:
        patch.setattr(promotion, "_finish", lambda *_: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            roll_back(older.tag, files)
    interrupted = find_model(bentoml.Tag(MODEL_NAME, None))

    model = roll_back(older.tag, files)

    assert interrupted.tag == model.tag
    assert str(model.tag) == ChampionRecord.read(files.best).model_tag
    assert 3 == len(list_models())


def test_an_ambiguous_version_is_refused(files, starter):
    for version in ("ab1", "ab2"):
        register_model(starter, bentoml.Tag(MODEL_NAME, version))

    with pytest.raises(RollbackError, match="several versions start with it"):
        roll_back(bentoml.Tag(MODEL_NAME, "ab"), files)


@pytest.mark.parametrize(
    ("named", "note"),
    [
        ("", "serves it from now on"),
        ("sentiment", "serves it from now on"),
        ("sentiment:new", "serves it from now on"),
        ("sentiment:old", "still serves sentiment:old, which MODEL_TAG names"),
    ],
)
def test_the_note_says_what_is_served_with_model_tag(monkeypatch, named, note):
    monkeypatch.setenv("MODEL_TAG", named)

    assert note in serving_note("sentiment:new")


def test_the_starter_is_never_a_champion(starter, make_model, files):
    tag = register_model(starter).tag
    make_model(0.7)

    with pytest.raises(RollbackError, match="the starter model"):
        roll_back(tag, files)


def test_a_model_without_metrics_is_refused(make_model, files):
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
    printed = capsys.readouterr().out
    assert printed.startswith(f"Registered {older.tag.version} again as sentiment:")
    assert (tmp_path / "best_metrics.json").is_file()


@pytest.mark.parametrize("tag", ["missing", "a b", "sentiment:"])
def test_the_command_prints_an_error_about_a_bad_tag(tag, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    status = main([tag])

    assert 1 == status
    assert "cannot be rolled back to" in capsys.readouterr().err


@pytest.fixture(name="hub")
def fixture_hub(tmp_path, monkeypatch):
    """Serve the Hub that the commands use, in the folder of a run."""
    keep_client_to(tmp_path / "home", monkeypatch)
    monkeypatch.chdir(tmp_path)
    with Hub() as hub:
        places = {"ENDPOINT": "", "HUGGINGFACE_CO_URL_TEMPLATE": FILE}
        for name, path in places.items():
            monkeypatch.setattr(f"huggingface_hub.constants.{name}", hub.url + path)
        monkeypatch.setenv("HF_REPO_ID", NAME)
        monkeypatch.setenv("HF_TOKEN", hub.token("us"))
        yield hub


@pytest.fixture(name="published")
def fixture_published(hub, make_model, tmp_path):
    """Publish a model, and a worse one after it, of which the Hub's card is edited; return both."""
    models, parent = (make_model(0.8), make_model(0.7)), None
    repository = HubRepository(NAME, hub.token("us"))
    for model in models:
        folder = Path(shutil.copytree(model.path, tmp_path / f"{model.tag.version}-files"))
        (folder / "model.yaml").unlink()
        accuracy = model.info.metadata["metrics"]["accuracy"]
        best = ChampionRecord(accuracy, "2026-11-23", str(model.tag), (), {}).to_dict()
        write_json(folder / "best_metrics.json", best)
        (folder / "README.md").write_text(CARD)
        (folder / "model.safetensors").write_bytes(str(model.tag).encode())
        done = push_to_hf(
            folder, repository, parent_commit=parent, tag=str(model.tag.version), message="Better"
        )
        parent = done.commit
    write_json(tmp_path / "best_metrics.json", best)
    hub.commit(NAME, {"notes.txt": b"mine"})
    return models


def test_a_rollback_prints_which_champion_the_hub_has(hub, published, capsys):
    older, newer = published
    before = hub.state(NAME)

    status = main([str(older.tag)])

    assert 0 == status
    printed = capsys.readouterr().out
    assert f"{NAME} on the Hub still has {newer.tag}, accuracy 0.7000, " in printed
    assert f"`python -m training.rollback {older.tag} --publish`" in printed
    assert before == hub.state(NAME)


def test_a_rollback_can_be_published(hub, published, capsys, tmp_path):
    older, _ = published

    status = main([str(older.tag), "--publish"])

    assert 0 == status
    best = ChampionRecord.read(tmp_path / "best_metrics.json")
    version = best.model_tag.partition(":")[2]
    assert f"Published: {hub.url}/{NAME}/tree/{version}" in capsys.readouterr().out
    files = hub.files(NAME)
    assert (tmp_path / "best_metrics.json").read_bytes() == files["best_metrics.json"]
    old = hub.files(NAME, str(older.tag.version))
    for name in ("model.safetensors", "openvino_model.bin", "metadata.json", "config.json"):
        assert old[name] == files[name], name
    assert b"mine" == files["notes.txt"]
    card = files["README.md"].decode()
    assert "# Tweets\n\n> Champion again since " in card
    assert card.endswith(f"as `{best.model_tag}`.\n\nGood.\n")
    assert hub.state(NAME).head == hub.state(NAME).tags[version]


def test_a_published_rollback_is_not_published_again(hub, published, capsys):
    older, _ = published
    main([str(older.tag), "--publish"])
    before = hub.state(NAME)

    again, unpublished = main([str(older.tag), "--publish"]), main([str(older.tag)])

    assert (0, 0) == (again, unpublished)
    assert "on the Hub has this model as well" in capsys.readouterr().out
    assert before == hub.state(NAME)


def test_a_rollback_is_not_published_over_a_newer_champion(hub, published, capsys, tmp_path):
    older, _ = published
    hub.faults.before("POST .*/commit/", lambda: hub.commit(NAME, {"config.json": b"{}"}))

    status = main([str(older.tag), "--publish"])

    assert 1 == status
    assert "changed during the upload" in capsys.readouterr().err
    assert b"{}" == hub.files(NAME)["config.json"]
    assert (
        str(older.tag)
        == ChampionRecord.read(tmp_path / "best_metrics.json").details["rolled_back_to"]
    )


def test_a_model_that_was_never_published_is_refused(hub, published, make_model, capsys, tmp_path):
    never = make_model(0.6)
    before = (
        hub.state(NAME),
        len(list_models()),
        ChampionRecord.read(tmp_path / "best_metrics.json"),
    )

    status = main([str(never.tag), "--publish"])

    assert 1 == status
    assert f"{NAME} on the Hub has no tag {never.tag.version}" in capsys.readouterr().err
    after = (
        hub.state(NAME),
        len(list_models()),
        ChampionRecord.read(tmp_path / "best_metrics.json"),
    )
    assert before == after
    assert published


def test_a_tag_that_holds_another_model_is_not_published(hub, published, capsys):
    older, newer = published
    tags = hub.repositories["models", NAME].tags
    tags[str(older.tag.version)] = tags[str(newer.tag.version)]
    before = hub.state(NAME)

    status = main([str(older.tag), "--publish"])

    assert 1 == status
    assert "its metadata.json differs from that in commit" in capsys.readouterr().err
    assert before == hub.state(NAME)


def test_a_rollback_works_without_the_hub(hub, published, capsys):
    older, _ = published
    hub.stop()

    status = main([str(older.tag)])

    assert 0 == status
    assert "The champion on the Hub is unknown: " in capsys.readouterr().out


def test_publishing_needs_a_token(published, capsys, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")

    status = main([str(published[0].tag), "--publish"])

    assert 1 == status
    assert "cannot be published: HF_TOKEN is not set" in capsys.readouterr().err
