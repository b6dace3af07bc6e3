"""A training that is killed leaves the old champion or the new one, and the next run sees to it."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the training group is not installed")
pytest.importorskip("nncf", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only where the training group is installed
from tests.hub import Hub
from tests.workplace import LEARNING, Material, Workplace

# The first argument names a function, the second how often it is called before the process is
# killed in place of the call, the third whether it is killed after it instead.
KILLED_TRAINING = """
import importlib, os, signal, sys
from training import precision
from training.__main__ import main

precision._lower_precisions = lambda: []  # fp32 needs no calibration, which takes most of a run

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
FINISH = (
    "from training.files import Files; import training.promotion as p; p.finish_promotion(Files())"
)
BEFORE, AFTER = "before", "after"
MOMENTS = [
    ("training.flow.fine_tune", 0, BEFORE, 0),
    ("training.flow.fine_tune", 0, AFTER, 0),
    ("training.contest.export_proven", 0, AFTER, 0),
    ("training.flow.name_successor", 0, AFTER, 0),
    ("training.flow.write_json", 0, AFTER, 0),
    ("training.flow.copy_models", 0, AFTER, 0),
    ("training.flow.write_papers", 0, AFTER, 0),
    ("training.promotion.write_json", 0, AFTER, 0),  # what is intended is written
    ("shutil.copytree", 0, AFTER, 0),  # BentoML has made the model, aside of the store
    ("training.promotion.register", 0, AFTER, 1),  # the model is in the store
    ("training.promotion.write_json", 1, AFTER, 1),  # so is its record
    ("training.flow.prune", 0, BEFORE, 1),
]


@pytest.fixture(name="material", scope="module")
def fixture_material(starter: Path, tmp_path_factory: pytest.TempPathFactory) -> Material:
    """Make tweets and a base model."""
    return Material.make(starter, tmp_path_factory.mktemp("material"))


@pytest.fixture(name="workplace")
def fixture_workplace(material: Material, tmp_path: Path) -> Iterator[Workplace]:
    """Return a machine where nothing was trained yet, and from which models are published."""
    with Hub() as hub:
        hub.create("somebody/tweets")
        variables = hub.environment(tmp_path / "huggingface")
        yield Workplace(tmp_path, material, HF_REPO_ID="somebody/tweets", **variables)


@pytest.mark.parametrize(("function", "calls", "when", "models"), MOMENTS)
def test_a_killed_training_leaves_a_state_that_fits_together(  # pylint: disable=too-many-arguments,too-many-positional-arguments  # a moment has four sides
    function: str, calls: int, when: str, models: int, workplace: Workplace
) -> None:
    killed = workplace.run(["-c", KILLED_TRAINING, function, str(calls), when], LEARNING)
    done = workplace.run(["-c", FINISH])

    assert -signal.SIGKILL == killed.returncode, killed.stderr
    assert 0 == done.returncode, done.stderr
    assert models == len(workplace.models)
    if models:
        tag = f"sentiment:{workplace.models[0].name}"
        assert tag == workplace.read("best_metrics.json")["model_tag"]
    else:
        assert not (workplace.folder / "best_metrics.json").exists()
    assert not (workplace.folder / "artifacts" / "promotion.json").exists()


def test_the_run_after_a_killed_one_promotes(workplace: Workplace) -> None:
    moment = ["training.promotion.write_json", "0", AFTER]
    killed = workplace.run(["-c", KILLED_TRAINING, *moment], LEARNING)

    told = workplace.train(LEARNING)

    assert -signal.SIGKILL == killed.returncode
    assert "The candidate is better: " in told
    assert 1 == len(workplace.models)
