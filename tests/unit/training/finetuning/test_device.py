"""What the machine offers is used, and nothing that it only imitates."""

import pytest

pytest.importorskip("torch", reason="the training group is not installed")
pytest.importorskip("transformers", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only where the training group is installed
import torch

from training.finetuning import device


@pytest.fixture(autouse=True)
def no_accelerator(monkeypatch):
    """Let there be no GPU."""
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)


@pytest.mark.parametrize("instructions", ["avx512_bf16", "amx_bf16", "bf16"])
def test_processors_with_instructions_for_it_have_bf16(monkeypatch, instructions):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {instructions: True})

    assert device.has_bf16()


def test_processors_that_would_imitate_it_have_no_bf16(monkeypatch):
    found = {"avx512_f": True, "avx512_bf16": False, "amx_bf16": False}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found)

    assert not device.has_bf16()


def test_a_machine_has_one_device_at_least(monkeypatch):
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 0)

    assert 1 == device.device_count()
    assert not device.has_accelerator()
