"""Random numbers rest on the seed."""

import os

import pytest

torch = pytest.importorskip("torch", reason="the training group is not installed")
pytest.importorskip("transformers", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only where the training group is installed
from training.finetuning.reproducibility import reproducible


def test_each_block_draws_the_same_numbers_from_the_same_seed():
    drawn = []
    for _ in range(2):
        with reproducible(seed=4, threads=1):
            drawn.append(torch.rand(3).tolist())

    assert drawn[0] == drawn[1]


def test_another_seed_draws_other_numbers():
    with reproducible(seed=4, threads=1):
        first = torch.rand(3).tolist()
    with reproducible(seed=5, threads=1):
        second = torch.rand(3).tolist()

    assert first != second


def test_torch_is_left_as_it_was():
    before = torch.get_num_threads()

    with reproducible(seed=4, threads=before + 1):
        inside = torch.get_num_threads()

    assert (before + 1, before) == (inside, torch.get_num_threads())
    assert not torch.are_deterministic_algorithms_enabled()


def test_cublas_is_told_to_compute_the_same_twice(monkeypatch):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)

    with reproducible(seed=1, threads=1):
        pass

    assert ":4096:8" == os.environ.pop("CUBLAS_WORKSPACE_CONFIG")
