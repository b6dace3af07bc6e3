"""Several processes that train one model together, as torchrun and accelerate start them."""

import hashlib

import torch
from accelerate.state import AcceleratorState
from accelerate.utils import get_cpu_distributed_information  # reads variables, on GPUs too
from torch import distributed
from transformers import PreTrainedModel

from training.errors import TrainingError

_KEPT_UNTIL_EXIT: list[object] = []


class WeightsDifferError(TrainingError):
    """Tell that the processes did not end with the same model."""

    def __init__(self, digests: list[str]) -> None:
        listed = ", ".join(f"{rank}: {digest[:12]}" for rank, digest in enumerate(digests))
        super().__init__(
            f"the {len(digests)} processes ended with different weights ({listed}), so that none "
            "of them can be trusted and nothing is written: start all of them with the same "
            "code, data and settings, or train in one process"
        )


def is_main_process() -> bool:
    """Tell whether this process is the one that writes; always, where there is only one."""
    return process_rank() == 0


def process_rank() -> int:
    """Return which of the processes this is, from 0.

    It can be asked at any time: whoever starts several processes numbers them by a variable.
    """
    return get_cpu_distributed_information().rank


def world_size() -> int:
    """Return how many processes were started to train together."""
    return get_cpu_distributed_information().world_size


def weights_sha256(model: PreTrainedModel) -> str:
    """Return the SHA-256 of a model's weights, with their names."""
    sha256 = hashlib.sha256()
    for name, weight in model.state_dict().items():
        sha256.update(name.encode())
        sha256.update(weight.detach().cpu().reshape(-1).view(torch.uint8).numpy())
    return sha256.hexdigest()


def check_equal_weights(own: str) -> None:
    """Compare a digest with those of the other processes.

    Every process calls this, and raises WeightsDifferError where two digests differ.
    """
    if not distributed.is_initialized():
        return
    digests: list[str] = [""] * distributed.get_world_size()
    distributed.all_gather_object(digests, own)
    if len(set(digests)) > 1:
        raise WeightsDifferError(digests)


def shutdown_process_group() -> None:
    """Undo the ties between the processes, so that each can go on or end by itself.

    While they last, a process that waits for another gives up after a while, and one that ends
    may take the others with it.
    """
    if distributed.is_initialized():
        distributed.barrier()
        # Gloo's destructor waits for its threads while it holds Python's lock, which they may
        # still want to let go of their last tensors: seen to hang. At the process's end they idle.
        _KEPT_UNTIL_EXIT.append(distributed.group.WORLD)
        distributed.destroy_process_group()
        # else accelerate would go on to speak to the others
        AcceleratorState._reset_state(True)  # pylint: disable=protected-access  # no public way
