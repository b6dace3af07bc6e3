"""The training commands, on a Hub that stands in for Hugging Face's."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the training group is not installed")
pytest.importorskip("nncf", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only where the training group is installed
from inference.store import SERVING_FILES
from tests.support.hub import Hub
from tests.support.server import BENTOML, Server
from tests.support.workplace import LEARNING, STANDING_STILL, Material, Workplace

REPO_ID = "somebody/tweets"

DRAW = """
import json, sys
from training.data.dataset import load
from training.data.sampling import sample_splits
source, train_size, eval_size = sys.argv[1:]
rows = sample_splits(load(source), int(train_size), int(eval_size), 42).evaluation
print(json.dumps([rows.texts, rows.labels]))
"""
RUN_CARD = """
import importlib.util, json, pathlib, re, sys
from huggingface_hub import hf_hub_download
assert importlib.util.find_spec("inference") is None
card = pathlib.Path(hf_hub_download(sys.argv[1], "README.md")).read_text(encoding="utf-8")
names = {}
exec(re.search(r"```python\\n(.*?)```", card, re.DOTALL)[1], names)
texts, labels = json.loads(pathlib.Path(sys.argv[2]).read_text(encoding="utf-8"))
classes = ["negative", "neutral", "positive"]
found = [names["classify"](names["normalize"](text))[0]["label"] for text in texts]
print(sum(one == classes[label] for one, label in zip(found, labels)) / len(labels))
"""

MakeWorkplace = Callable[..., Workplace]


@pytest.fixture(name="material", scope="module")
def fixture_material(starter: Path, tmp_path_factory: pytest.TempPathFactory) -> Material:
    """Make tweets and a base model."""
    return Material.make(starter, tmp_path_factory.mktemp("material"))


@pytest.fixture(name="hub", scope="module")
def fixture_hub() -> Iterator[Hub]:
    """Start a Hub that has no repository."""
    with Hub() as hub:
        yield hub


@pytest.fixture(name="token", scope="module")
def fixture_token(hub: Hub) -> str:
    """Return the token of somebody who may write."""
    return hub.token("somebody")


@pytest.fixture(name="promoted", scope="module")
def fixture_promoted(
    hub: Hub, token: str, material: Material, tmp_path_factory: pytest.TempPathFactory
) -> Workplace:
    """Train a model that is promoted and published."""
    folder = tmp_path_factory.mktemp("promoted")
    variables = hub.environment(folder / "huggingface", token) | {
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        "HF_REPO_ID": REPO_ID,
    }
    workplace = Workplace(folder, material, **variables)
    assert "Published: " in workplace.train(LEARNING)
    return workplace


@pytest.fixture(name="fresh")
def fixture_fresh(hub: Hub, material: Material, tmp_path: Path) -> Workplace:
    """Return a machine where nothing was trained yet, with a repository but no token."""
    folder = tmp_path / "fresh"
    variables = hub.environment(folder / "huggingface") | {"HF_REPO_ID": REPO_ID}
    return Workplace(folder, material, **variables)


def test_a_promoted_model_is_published_in_all_its_forms(hub: Hub, promoted: Workplace) -> None:
    (model,) = promoted.models

    published = hub.files(REPO_ID)

    wanted = {"README.md", "model.safetensors", "metrics.json", "confusion_matrix.png"}
    assert wanted | set(SERVING_FILES) <= set(published)
    for name in SERVING_FILES:
        assert (model / name).read_bytes() == published[name], name
    for name in ("metrics.json", "best_metrics.json"):
        assert (promoted.folder / name).read_bytes() == published[name]
    assert hub.files(REPO_ID, revision=model.name) == published


def test_a_ci_shows_the_figures_of_the_run(promoted: Workplace) -> None:
    summary = (promoted.folder / "summary.md").read_text(encoding="utf-8")

    accuracy = promoted.read("metrics.json")["accuracy"]
    assert "**Improved: better: accuracy" in summary
    assert f"| candidate | {accuracy:.4f} |" in summary


def test_the_cards_snippet_gives_the_figures_that_the_card_names_for_it(
    hub: Hub, promoted: Workplace
) -> None:
    sizes = [promoted.environment[name] for name in ("TRAIN_SIZE", "EVAL_SIZE")]
    drawn = promoted.run(["-c", DRAW, promoted.environment["DATASET"], *sizes])
    rows = promoted.folder / "rows.json"
    rows.write_text(drawn.stdout, encoding="utf-8")

    # as a stranger runs it, who has nothing of this project
    done = promoted.run(["-c", RUN_CARD, REPO_ID, str(rows)], {"PYTHONPATH": ""})

    assert 0 == done.returncode, done.stderr
    accuracy = float(done.stdout.splitlines()[-1])
    assert pytest.approx(accuracy, abs=1e-6) == promoted.read("metrics.json")["float32"]["accuracy"]
    card = hub.files(REPO_ID)["README.md"].decode()
    assert f"**{accuracy:.4f}** in float32 by the snippet below" in card


def test_publishing_again_changes_nothing(hub: Hub, promoted: Workplace) -> None:
    before = hub.state(REPO_ID)

    done = promoted.run(["-m", "training.publish"])

    assert 0 == done.returncode, done.stderr
    assert before == hub.state(REPO_ID)


def test_the_same_seed_again_neither_stores_nor_pushes(hub: Hub, promoted: Workplace) -> None:
    models, best, before = promoted.models, promoted.read("best_metrics.json"), hub.state(REPO_ID)
    first = promoted.read("metrics.json")

    told = promoted.train(LEARNING)

    second = promoted.read("metrics.json")
    assert "The candidate is not better: " in told
    assert first["training"]["weights"] == second["training"]["weights"]
    assert first["confusion_matrix"] == second["confusion_matrix"]
    assert (models, best) == (promoted.models, promoted.read("best_metrics.json"))
    assert before == hub.state(REPO_ID)


def test_a_fresh_machine_does_not_push_over_a_better_champion(
    hub: Hub, token: str, promoted: Workplace, fresh: Workplace
) -> None:
    before = hub.state(REPO_ID)

    told = fresh.train({"HF_TOKEN": token, **STANDING_STILL})

    assert "The candidate is not better: " in told
    assert f"of {REPO_ID} on the Hub (on the same rows)" in told
    assert before == hub.state(REPO_ID)
    # and serves that champion, under the name and with the record that it has on the Hub
    assert [path.name for path in promoted.models] == [path.name for path in fresh.models]
    assert promoted.read("best_metrics.json") == fresh.read("best_metrics.json")


def test_a_published_model_is_fetched_as_it_is_and_served(
    hub: Hub, token: str, promoted: Workplace, fresh: Workplace, repository: Path
) -> None:
    hub.repositories["models", REPO_ID].is_private = True

    done = fresh.run(["-m", "training.fetch"], {"HF_TOKEN": token})

    hub.repositories["models", REPO_ID].is_private = False
    assert 0 == done.returncode, done.stderr
    ((published,), (fetched,)) = promoted.models, fresh.models
    for name in SERVING_FILES:
        assert (published / name).read_bytes() == (fetched / name).read_bytes(), name
    environment = fresh.environment | {
        "DATABASE_URL": f"sqlite:///{fresh.folder}/predictions.sqlite3",
        "SPOOL_DIR": str(fresh.folder / "spool"),
        "TEST_LOG_FOLDER": str(fresh.folder),
    }
    with Server([BENTOML, "serve", "--port", "{port}"], repository, environment) as server:
        assert fetched.name in server.log


def test_a_private_repository_is_not_fetched_without_a_token(hub: Hub, fresh: Workplace) -> None:
    hub.create("somebody/secret", is_private=True)

    done = fresh.run(["-m", "training.fetch"], {"HF_REPO_ID": "somebody/secret"})

    assert 1 == done.returncode
    assert "HF_TOKEN" in done.stderr
    assert "Traceback" not in done.stderr
    assert [] == fresh.models


def test_a_wrong_token_ends_the_run_before_the_training(hub: Hub, fresh: Workplace) -> None:
    before = hub.state(REPO_ID)

    done = fresh.run(["-m", "training"], {"HF_TOKEN": "hf_wrong"})

    assert 1 == done.returncode
    assert "Set HF_TOKEN to a valid one" in done.stderr
    assert "step" not in done.stdout + done.stderr
    assert before == hub.state(REPO_ID)
    assert [] == fresh.models


def test_a_database_that_cannot_be_used_ends_the_run_before_the_training(fresh: Workplace) -> None:
    done = fresh.run(["-m", "training"], {"SQL_SERVER": "db.example"})

    assert 1 == done.returncode
    assert "SQL_USER or SQL_PASSWORD is not set, but SQL_SERVER is" in done.stderr
    assert "step" not in done.stdout + done.stderr
    assert [] == fresh.models


def test_a_missing_token_is_told_and_the_champion_published_later(
    hub: Hub, token: str, fresh: Workplace
) -> None:
    hub.create("somebody/later")
    later = {"HF_REPO_ID": "somebody/later"}
    before = hub.state("somebody/later")

    told = fresh.train(LEARNING | later)

    assert "Not published: HF_TOKEN is not set" in told
    assert before == hub.state("somebody/later")
    assert 1 == fresh.run(["-m", "training.publish"], later).returncode

    done = fresh.run(["-m", "training.publish"], later | {"HF_TOKEN": token})

    assert 0 == done.returncode, done.stderr
    assert "best_metrics.json" in hub.files("somebody/later")


def test_a_run_that_was_overtaken_publishes_nothing_and_the_next_one_does(
    hub: Hub, token: str, fresh: Workplace
) -> None:
    hub.create("somebody/edited")
    hub.faults.before(
        "POST .*/edited/commit/", lambda: hub.commit("somebody/edited", {"README.md": b"edited"})
    )
    variables = {"HF_REPO_ID": "somebody/edited", "HF_TOKEN": token}
    overtaken = fresh.run(["-m", "training"], LEARNING | variables)
    before = set(hub.files("somebody/edited"))

    told = fresh.train(STANDING_STILL | variables)

    assert 1 == overtaken.returncode
    assert "another run has published to 'somebody/edited'" in overtaken.stderr
    assert "Run the training again" in overtaken.stderr
    assert {".gitattributes", "README.md"} == before
    assert "The candidate is not better: " in told
    (model,) = fresh.models
    assert f"Publishing sentiment:{model.name}\nPublished: " in told
    assert fresh.read("best_metrics.json") == json.loads(
        hub.files("somebody/edited", revision=model.name)["best_metrics.json"]
    )


def test_two_processes_train_one_model_and_one_of_them_writes(
    material: Material, tmp_path: Path
) -> None:
    workplace = Workplace(tmp_path, material)
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]

    done = workplace.run([*torchrun, "-m", "training"], LEARNING)

    assert 0 == done.returncode, done.stderr
    assert 1 == done.stdout.count("The candidate is better: ")
    (model,) = workplace.models
    assert f"sentiment:{model.name}" == workplace.read("best_metrics.json")["model_tag"]


def test_a_run_is_a_row_of_the_database_with_the_figures_of_its_file(fresh: Workplace) -> None:
    path = fresh.folder / "runs.sqlite3"

    fresh.train(LEARNING | {"DATABASE_URL": f"sqlite:///{path}", "HF_REPO_ID": ""})  # no rival

    metrics = fresh.read("metrics.json")
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        (row,) = connection.execute("SELECT * FROM training_runs")
    assert "promoted" == row["decision"]
    for name in ("accuracy", "macro_f1", "model_tag", "seed", "precision"):
        assert metrics[name] == row[name], name


def test_a_setting_that_makes_no_sense_is_told_without_a_traceback(fresh: Workplace) -> None:
    done = fresh.run(["-m", "training"], {"TRAIN_SIZE": "none"})

    assert 1 == done.returncode
    assert done.stderr.startswith("TRAIN_SIZE='none' cannot be used: ")
