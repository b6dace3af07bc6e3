"""A killed training leaves the old champion or the new one; the next run recovers it."""

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the training group is not installed")
pytest.importorskip("nncf", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only if the training group is installed
from tests.support.hub import Hub
from tests.support.training_machine import LEARNING, NO_LEARNING, TrainingInputs, TrainingMachine

# Arguments: a function; how many calls of it succeed before the process is killed; whether it is
# killed before or after the next call.
KILLED_TRAINING = """
import importlib, os, signal, sys
from training.export import precision_selection as precision
from training.__main__ import main

precision._lower_precisions = lambda: []  # fp32 to save the calibration

module, _, name = sys.argv[1].rpartition(".")
home = importlib.import_module(module)
called, calls_left, kills_after = getattr(home, name), int(sys.argv[2]), sys.argv[3] == "after"

def killing(*arguments, **keywords):
    global calls_left
    calls_left -= 1
    if calls_left >= 0:
        return called(*arguments, **keywords)
    if kills_after:
        called(*arguments, **keywords)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(home, name, killing)
sys.exit(main())
"""
RECOVER = (
    "from training.files import Files; import training.promotion.registry as p;"
    " p.recover_interrupted_promotion(Files())"
)
BEFORE, AFTER = "before", "after"
REPO_ID = "somebody/tweets"
MOMENTS = [
    ("training.pipeline.fine_tune", 0, BEFORE, False),
    ("training.pipeline.fine_tune", 0, AFTER, False),
    ("training.promotion.comparison.export_best_precision", 0, AFTER, False),
    ("training.pipeline.select_model_to_register", 0, AFTER, False),
    ("training.pipeline.copy_models", 0, AFTER, False),
    ("training.pipeline.write_published_files", 0, AFTER, False),
    ("training.promotion.registry.write_json", 0, AFTER, False),  # the promotion is pending
    ("shutil.copytree", 0, AFTER, False),  # BentoML has written the model, outside of the store
    ("training.promotion.registry.register_model", 0, AFTER, True),  # the model is in the store
    ("training.promotion.registry.write_json", 1, AFTER, True),  # its record is written, too
    ("training.pipeline.prune", 0, BEFORE, True),
    ("training.pipeline.write_json", 0, AFTER, True),  # the metrics of the run are written
]
PUBLISHING = [
    (
        "training.promotion.registry.register_model",
        0,
        AFTER,
    ),  # it is completed first
    ("training.__main__.publish", 0, BEFORE),
    ("training.hub.push._commit", 0, AFTER),
    ("training.promotion.release.push_to_hf", 0, AFTER),  # published, but not recorded here
]


@pytest.fixture(name="inputs", scope="module")
def fixture_inputs(starter: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingInputs:
    """Write tweets and a base model."""
    return TrainingInputs.make(starter, tmp_path_factory.mktemp("inputs"))


@pytest.fixture(name="champions", scope="module")
def fixture_champions(
    inputs: TrainingInputs, tmp_path_factory: pytest.TempPathFactory
) -> TrainingMachine:
    """Return a machine whose first run did not improve: its champion is the base model."""
    machine = TrainingMachine(tmp_path_factory.mktemp("champions"), inputs)
    machine.train(NO_LEARNING)
    return machine


@pytest.fixture(name="hub")
def fixture_hub() -> Iterator[Hub]:
    """Start a Hub with a repository to publish to."""
    with Hub() as hub:
        hub.create(REPO_ID)
        yield hub


@pytest.fixture(name="machine")
def fixture_machine(
    hub: Hub, champions: TrainingMachine, inputs: TrainingInputs, tmp_path: Path
) -> TrainingMachine:
    """Return a copy of that machine, from which models are published."""
    folder = tmp_path / "machine"
    shutil.copytree(champions.folder, folder)
    variables = hub.environment(tmp_path / "huggingface", hub.token("somebody"))
    return TrainingMachine(folder, inputs, HF_REPO_ID=REPO_ID, **variables)


@pytest.mark.parametrize(("function", "calls", "when", "is_promoted"), MOMENTS)
def test_a_killed_training_leaves_the_old_champion_or_the_new_one(  # pylint: disable=too-many-arguments,too-many-positional-arguments  # a moment has four sides
    function: str, calls: int, when: str, is_promoted: bool, machine: TrainingMachine, hub: Hub
) -> None:
    models, best = machine.models, machine.read("best_metrics.json")
    before = hub.state(REPO_ID)

    killed = machine.run(["-c", KILLED_TRAINING, function, str(calls), when], LEARNING)
    done = machine.run(["-c", RECOVER])

    assert -signal.SIGKILL == killed.returncode, killed.stderr
    assert 0 == done.returncode, done.stderr
    if is_promoted:
        (model,) = set(machine.models) - set(models)
        assert f"sentiment:{model.name}" == machine.read("best_metrics.json")["model_tag"]
    else:
        assert models == machine.models
        assert best == machine.read("best_metrics.json")
    assert not (machine.folder / "artifacts" / "promotion.json").exists()
    assert before == hub.state(REPO_ID)


@pytest.mark.parametrize(("function", "calls", "when"), PUBLISHING)
def test_a_killed_publication_is_completed_once(
    function: str, calls: int, when: str, machine: TrainingMachine, hub: Hub
) -> None:
    models = set(machine.models)
    killed = machine.run(["-c", KILLED_TRAINING, function, str(calls), when], LEARNING)

    done = machine.run(["-m", "training.publish"])

    assert -signal.SIGKILL == killed.returncode, killed.stderr
    assert 0 == done.returncode, done.stderr
    (model,) = set(machine.models) - models
    found = hub.state(REPO_ID)
    assert {model.name: found.head} == found.tags
    assert 2 == len(hub.repositories["models", REPO_ID].commits)  # the Hub's own, and ours
    weights = "openvino_model.bin"
    assert (model / weights).read_bytes() == hub.files(REPO_ID)[weights]


def test_a_run_that_is_killed_while_it_publishes_waits_for_the_database(
    machine: TrainingMachine,
) -> None:
    named = {"DATABASE_URL": f"sqlite:///{machine.folder}/runs.sqlite3"}
    moment = ["training.__main__.publish", "0", BEFORE]

    killed = machine.run(["-c", KILLED_TRAINING, *moment], LEARNING | named)

    assert -signal.SIGKILL == killed.returncode, killed.stderr
    assert 1 == len(list((machine.folder / "artifacts" / "unrecorded_runs").glob("*.json")))


def test_the_run_after_a_killed_one_promotes(machine: TrainingMachine) -> None:
    moment = ["training.promotion.registry.write_json", "0", AFTER]
    killed = machine.run(["-c", KILLED_TRAINING, *moment], LEARNING)

    printed = machine.train(LEARNING)

    assert -signal.SIGKILL == killed.returncode
    assert "The candidate is better: " in printed
    assert 2 == len(machine.models)
