"""Which process writes, and how weights are compared."""

import pytest

pytest.importorskip("torch", reason="the training group is not installed")
pytest.importorskip("transformers", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only where the training group is installed
import torch
from torch import nn

from training.finetuning import distributed as processes
from training.finetuning.distributed import (
    WeightsDifferError,
    check_equal_weights,
    is_main_process,
    shutdown_process_group,
    weights_sha256,
    world_size,
)


@pytest.fixture(name="model")
def fixture_model():
    """Give a model of two kinds of weights, one of them a single number."""
    model = nn.Linear(2, 3)
    model.register_buffer("count", torch.tensor(7))
    return model


def test_a_process_by_itself_is_the_main_one(monkeypatch):
    monkeypatch.delenv("RANK", raising=False)

    assert is_main_process()


@pytest.mark.parametrize(("rank", "is_main"), [("0", True), ("1", False)])
@pytest.mark.parametrize(
    ("number", "count"),
    [
        ("RANK", "WORLD_SIZE"),  # torchrun
        ("PMI_RANK", "PMI_SIZE"),  # Intel MPI
        ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),  # Open MPI
    ],
)
def test_the_first_of_several_processes_is_the_main_one(  # pylint: disable=too-many-arguments,too-many-positional-arguments
    monkeypatch, number, count, rank, is_main
):
    monkeypatch.setenv(number, rank)
    monkeypatch.setenv(count, "2")

    assert is_main == is_main_process()
    assert 2 == world_size()


def test_equal_weights_have_equal_digests(model):
    copy = nn.Linear(2, 3)
    copy.register_buffer("count", torch.tensor(0))
    copy.load_state_dict(model.state_dict())

    assert 64 == len(weights_sha256(model))
    assert weights_sha256(model) == weights_sha256(copy)


def test_a_change_in_the_last_bit_is_another_digest(model):
    before = weights_sha256(model)

    with torch.no_grad():
        model.bias[0] = torch.nextafter(model.bias[0], torch.tensor(torch.inf))

    assert before != weights_sha256(model)


def test_a_process_by_itself_has_nothing_to_compare_or_undo(model):
    check_equal_weights(weights_sha256(model))
    shutdown_process_group()

    assert not processes.distributed.is_initialized()


def test_different_weights_are_an_error_that_names_the_processes():
    error = WeightsDifferError(["a" * 64, "b" * 64])

    assert "the 2 processes ended with different weights (0: aaaaaaaaaaaa, 1: bbbb" in str(error)
    assert "nothing is written" in str(error)
