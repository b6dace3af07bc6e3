"""One process writes, and the weights of all are compared."""

import pytest

pytest.importorskip("torch", reason="the training group is not installed")
pytest.importorskip("transformers", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only if the training group is installed
import torch
from torch import nn

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
    """Return a model with weights of two shapes, one of them a scalar."""
    model = nn.Linear(2, 3)
    model.register_buffer("count", torch.tensor(7))
    return model


def test_a_single_process_is_the_main_one_and_has_no_process_group(monkeypatch, model):
    monkeypatch.delenv("RANK", raising=False)

    check_equal_weights(weights_sha256(model))
    shutdown_process_group()

    assert is_main_process()
    assert not torch.distributed.is_initialized()


@pytest.mark.parametrize(("rank", "is_main"), [("0", True), ("1", False)])
@pytest.mark.parametrize(
    ("number", "count"),
    [
        ("RANK", "WORLD_SIZE"),  # torchrun
        ("PMI_RANK", "PMI_SIZE"),  # Intel MPI
        ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),  # Open MPI
    ],
)
def test_rank_0_is_the_main_process(  # pylint: disable=too-many-arguments,too-many-positional-arguments
    monkeypatch, number, count, rank, is_main
):
    monkeypatch.setenv(number, rank)
    monkeypatch.setenv(count, "2")

    assert is_main == is_main_process()
    assert 2 == world_size()


def test_the_digest_changes_with_the_last_bit(model):
    copy = nn.Linear(2, 3)
    copy.register_buffer("count", torch.tensor(0))
    copy.load_state_dict(model.state_dict())
    same = weights_sha256(copy)

    with torch.no_grad():
        copy.bias[0] = torch.nextafter(copy.bias[0], torch.tensor(torch.inf))

    assert 64 == len(same)
    assert weights_sha256(model) == same
    assert weights_sha256(copy) != same


def test_different_weights_are_reported_with_the_ranks():
    error = WeightsDifferError(["a" * 64, "b" * 64])

    assert "the 2 processes ended with different weights (0: aaaaaaaaaaaa, 1: bbbb" in str(error)
    assert "so nothing is written" in str(error)
