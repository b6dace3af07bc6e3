"""Data-parallel training in several processes, as started by torchrun or accelerate."""

import hashlib

import torch
from accelerate.state import AcceleratorState
from accelerate.utils import get_cpu_distributed_information  # reads variables, on GPUs too
from torch import distributed
from transformers import PreTrainedModel

from training.errors import TrainingError

_KEPT_UNTIL_EXIT: list[object] = []


class WeightsDifferError(TrainingError):
    """The processes ended with different weights."""

    def __init__(self, digests: list[str]) -> None:
        listed = ", ".join(f"{rank}: {digest[:12]}" for rank, digest in enumerate(digests))
        super().__init__(
            f"the {len(digests)} processes ended with different weights ({listed}), so nothing is "
            "written: start all of them with the same code, data and settings, or train in one "
            "process"
        )


def is_main_process() -> bool:
    """Return whether this process writes the results; always true for a single process."""
    return process_rank() == 0


def process_rank() -> int:
    """Return the rank of this process from the launcher's variables, so at any time."""
    return get_cpu_distributed_information().rank


def world_size() -> int:
    """Return the number of processes that train together."""
    return get_cpu_distributed_information().world_size


def weights_sha256(model: PreTrainedModel) -> str:
    """Return the SHA-256 of a model's weights and their names."""
    sha256 = hashlib.sha256()
    for name, weight in model.state_dict().items():
        sha256.update(name.encode())
        sha256.update(weight.detach().cpu().reshape(-1).view(torch.uint8).numpy())
    return sha256.hexdigest()


def check_equal_weights(own: str) -> None:
    """Raise WeightsDifferError if the digests of the processes differ; all must call this."""
    if not distributed.is_initialized():
        return
    digests: list[str] = [""] * distributed.get_world_size()
    distributed.all_gather_object(digests, own)
    if len(set(digests)) > 1:
        raise WeightsDifferError(digests)


def shutdown_process_group() -> None:
    """Destroy the process group, so that each process can go on or end by itself.

    Otherwise a process times out waiting for the others, and one that ends may stop them.
    """
    if distributed.is_initialized():
        distributed.barrier()
        # Gloo's destructor joins its threads while it holds the GIL, which they may need to free
        # their last tensors: it was seen to hang. At the process's end the threads are idle.
        _KEPT_UNTIL_EXIT.append(distributed.group.WORLD)
        distributed.destroy_process_group()
        # else accelerate would go on to communicate
        AcceleratorState._reset_state(True)  # pylint: disable=protected-access  # no public way
