"""Devices are detected, and runs on them are reproducible."""

import os

import pytest

torch = pytest.importorskip("torch", reason="the training group is not installed")
pytest.importorskip("transformers", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only if the training group is installed
from training.finetuning import device
from training.finetuning.device import reproducible


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({"avx512_bf16": True}, True),
        ({"amx_bf16": True}, True),
        ({"bf16": True}, True),
        ({"avx512_f": True, "avx512_bf16": False, "amx_bf16": False}, False),
    ],
)
def test_a_cpu_has_bf16_only_with_instructions_for_it(monkeypatch, capabilities, expected):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)

    assert expected is device.has_bf16()


def test_the_cpu_counts_as_one_device(monkeypatch):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 0)

    assert (1, False) == (device.device_count(), device.has_accelerator())


def test_random_numbers_depend_on_the_seed_only():
    drawn = []
    for seed in (4, 4, 5):
        with reproducible(seed, threads=1):
            drawn.append(torch.rand(3).tolist())

    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]


def test_torch_settings_are_restored():
    before = torch.get_num_threads()

    with reproducible(seed=4, threads=before + 1):
        inside = torch.get_num_threads()

    assert (before + 1, before) == (inside, torch.get_num_threads())
    assert not torch.are_deterministic_algorithms_enabled()


def test_cublas_is_made_deterministic(monkeypatch):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)

    with reproducible(seed=1, threads=1):
        pass

    assert ":4096:8" == os.environ.pop("CUBLAS_WORKSPACE_CONFIG")
