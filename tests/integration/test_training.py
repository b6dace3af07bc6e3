"""The training commands, with a local stand-in for the Hugging Face Hub."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the training group is not installed")
pytest.importorskip("nncf", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only if the training group is installed
from inference.store import SERVING_FILES
from tests.support.hub import Hub
from tests.support.server import BENTOML, Server
from tests.support.training_machine import (
    LEARNING,
    NO_LEARNING,
    SIZES,
    TrainingInputs,
    TrainingMachine,
)
from training.data.dataset import load
from training.data.sampling import sample_splits
from training.settings import DEFAULT_SEED

REPO_ID, LATER = "somebody/tweets", "somebody/later"

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


@pytest.fixture(name="inputs", scope="module")
def fixture_inputs(starter: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingInputs:
    """Write tweets and a base model."""
    return TrainingInputs.make(starter, tmp_path_factory.mktemp("inputs"))


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
    hub: Hub, token: str, inputs: TrainingInputs, tmp_path_factory: pytest.TempPathFactory
) -> TrainingMachine:
    """Train a model that is promoted, published and recorded in a database."""
    folder = tmp_path_factory.mktemp("promoted")
    variables = hub.environment(folder / "huggingface", token) | {
        "DATABASE_URL": f"sqlite:///{folder}/runs.sqlite3",
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        "HF_REPO_ID": REPO_ID,
    }
    machine = TrainingMachine(folder, inputs, **variables)
    assert "Published: " in machine.train(LEARNING)
    return machine


@pytest.fixture(name="unpublished", scope="module")
def fixture_unpublished(
    hub: Hub, inputs: TrainingInputs, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return the folder of a machine that trained a better model, but had no token."""
    folder = tmp_path_factory.mktemp("unpublished")
    hub.create(LATER)
    variables = hub.environment(folder / "huggingface") | {"HF_REPO_ID": LATER}
    before = hub.state(LATER)
    printed = TrainingMachine(folder, inputs, **variables).train(LEARNING)
    assert "Not published: HF_TOKEN is not set" in printed
    assert before == hub.state(LATER)
    return folder


@pytest.fixture(name="fresh")
def fixture_fresh(hub: Hub, inputs: TrainingInputs, tmp_path: Path) -> TrainingMachine:
    """Return a machine without a model, with a repository but without a token."""
    folder = tmp_path / "fresh"
    variables = hub.environment(folder / "huggingface") | {"HF_REPO_ID": REPO_ID}
    return TrainingMachine(folder, inputs, **variables)


def test_a_promoted_model_is_published_in_all_its_forms(
    hub: Hub, promoted: TrainingMachine
) -> None:
    (model,) = promoted.models

    published = hub.files(REPO_ID)

    wanted = {"README.md", "model.safetensors", "metrics.json", "confusion_matrix.png"}
    assert wanted | set(SERVING_FILES) <= set(published)
    for name in SERVING_FILES:
        assert (model / name).read_bytes() == published[name], name
    for name in ("metrics.json", "best_metrics.json"):
        assert (promoted.folder / name).read_bytes() == published[name]
    assert hub.files(REPO_ID, revision=model.name) == published


def test_the_summary_of_a_ci_job_shows_the_metrics(promoted: TrainingMachine) -> None:
    summary = (promoted.folder / "summary.md").read_text(encoding="utf-8")

    accuracy = promoted.read("metrics.json")["accuracy"]
    assert "**Promoted: better: accuracy" in summary
    assert f"| candidate | {accuracy:.4f} |" in summary


def test_a_run_is_a_row_of_the_database_with_its_metrics(promoted: TrainingMachine) -> None:
    with closing(sqlite3.connect(promoted.folder / "runs.sqlite3")) as connection:
        connection.row_factory = sqlite3.Row
        (row,) = connection.execute("SELECT * FROM training_runs")

    metrics = promoted.read("metrics.json")
    assert "promoted" == row["decision"]
    for name in ("accuracy", "macro_f1", "model_tag", "seed", "precision"):
        assert metrics[name] == row[name], name


@pytest.mark.slow
def test_the_cards_snippet_gives_the_accuracy_that_the_card_names_for_it(
    hub: Hub, promoted: TrainingMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", promoted.folder / "cache")
    dataset = load(promoted.environment["DATASET"])
    sample = sample_splits(dataset, *map(int, SIZES.values()), DEFAULT_SEED).evaluation
    rows = promoted.folder / "rows.json"
    rows.write_text(json.dumps([sample.texts, sample.labels]), encoding="utf-8")

    # as somebody runs it who has nothing of this project
    done = promoted.run(["-c", RUN_CARD, REPO_ID, str(rows)], {"PYTHONPATH": ""})

    assert 0 == done.returncode, done.stderr
    accuracy = float(done.stdout.splitlines()[-1])
    assert pytest.approx(accuracy, abs=1e-6) == promoted.read("metrics.json")["float32"]["accuracy"]
    card = hub.files(REPO_ID)["README.md"].decode()
    assert f"**{accuracy:.4f}** in float32 with the snippet below" in card


def test_publishing_again_changes_nothing(hub: Hub, promoted: TrainingMachine) -> None:
    before = hub.state(REPO_ID)

    done = promoted.run(["-m", "training.publish"])

    assert 0 == done.returncode, done.stderr
    assert before == hub.state(REPO_ID)


@pytest.mark.slow
def test_a_fresh_machine_does_not_push_over_a_better_champion(
    hub: Hub, token: str, promoted: TrainingMachine, fresh: TrainingMachine
) -> None:
    before = hub.state(REPO_ID)

    printed = fresh.train({"HF_TOKEN": token, **NO_LEARNING})

    assert "The candidate is not better: " in printed
    assert f"of {REPO_ID} on the Hub (on the same rows)" in printed
    assert before == hub.state(REPO_ID)
    # and serves that champion, under the name and with the record that it has on the Hub
    assert [path.name for path in promoted.models] == [path.name for path in fresh.models]
    assert promoted.read("best_metrics.json") == fresh.read("best_metrics.json")


@pytest.mark.slow
def test_a_published_model_is_fetched_as_it_is_and_served(
    hub: Hub, token: str, promoted: TrainingMachine, fresh: TrainingMachine, repository: Path
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


@pytest.mark.slow
def test_a_private_repository_is_not_fetched_without_a_token(
    hub: Hub, fresh: TrainingMachine
) -> None:
    hub.create("somebody/secret", is_private=True)

    done = fresh.run(["-m", "training.fetch"], {"HF_REPO_ID": "somebody/secret"})

    assert 1 == done.returncode
    assert "HF_TOKEN" in done.stderr
    assert "Traceback" not in done.stderr
    assert [] == fresh.models


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"HF_TOKEN": "hf_wrong"}, "Set HF_TOKEN to a valid one"),
        (
            {"SQL_SERVER": "db.example"},
            "SQL_USER or SQL_PASSWORD is not set, but SQL_SERVER is",
        ),
        ({"TRAIN_SIZE": "none"}, "TRAIN_SIZE='none' cannot be used: "),
    ],
)
def test_a_wrong_setting_ends_the_run_before_the_training(
    fresh: TrainingMachine, variables: dict[str, str], message: str
) -> None:
    done = fresh.run(["-m", "training"], variables)

    assert 1 == done.returncode
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert "step" not in done.stdout + done.stderr
    assert [] == fresh.models


@pytest.mark.slow
def test_the_same_seed_gives_the_same_model_and_metrics_on_two_machines(
    promoted: TrainingMachine, unpublished: Path
) -> None:
    one = promoted.read("metrics.json")
    other = json.loads((unpublished / "metrics.json").read_text(encoding="utf-8"))

    assert one["training"]["weights"] == other["training"]["weights"]
    for name in ("accuracy", "confusion_matrix", "sample_fingerprint", "precision"):
        assert one[name] == other[name], name


@pytest.mark.slow
def test_a_champion_is_published_once_there_is_a_token_unless_another_run_was_first(
    hub: Hub, token: str, inputs: TrainingInputs, unpublished: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(unpublished, tmp_path / "machine"))
    machine = TrainingMachine(
        folder, inputs, **hub.environment(folder / "huggingface"), HF_REPO_ID=LATER
    )
    edit = {"README.md": b"edited"}
    hub.faults.before("POST .*/later/commit/", lambda: hub.commit(LATER, edit))

    tokenless = machine.run(["-m", "training.publish"])
    overtaken = machine.run(["-m", "training.publish"], {"HF_TOKEN": token})
    before = set(hub.files(LATER))
    printed = machine.train({"HF_TOKEN": token, **NO_LEARNING})

    assert (1, 1) == (tokenless.returncode, overtaken.returncode)
    assert f"'{LATER}' has changed since the candidate was compared" in overtaken.stderr
    assert "Run the training again" in overtaken.stderr
    assert {".gitattributes", "README.md"} == before
    assert "The candidate is not better: " in printed
    (model,) = machine.models
    assert f"Publishing sentiment:{model.name}\nPublished: " in printed
    assert machine.read("best_metrics.json") == json.loads(
        hub.files(LATER, revision=model.name)["best_metrics.json"]
    )


@pytest.mark.slow
def test_two_processes_train_one_model_and_one_of_them_writes(
    inputs: TrainingInputs, tmp_path: Path
) -> None:
    machine = TrainingMachine(tmp_path, inputs)
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]

    done = machine.run([*torchrun, "-m", "training"], LEARNING)

    assert 0 == done.returncode, done.stderr
    assert 1 == done.stdout.count("The candidate is better: ")
    (model,) = machine.models
    assert f"sentiment:{model.name}" == machine.read("best_metrics.json")["model_tag"]
