"""The runtime that executes a model: OpenVINO, or torch if it is installed and chosen."""

import sys
from collections.abc import Iterable
from importlib.util import find_spec
from typing import Literal, Protocol

import numpy as np

from inference.model_folder import WEIGHTS_FILE, ModelFolder, ModelFolderError
from inference.packing import ModelInputs

RuntimeName = Literal["openvino", "torch"]

TORCH_LIBRARIES = ("torch", "transformers")

HUGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"} if sys.platform == "linux" else {}
"""Environment of a process whose memory Linux shall keep in pages of 2 MB.

Other systems have no such variable and choose the size of pages themselves.
"""


class RuntimeNotInstalledError(Exception):
    """The chosen runtime is not installed."""

    def __init__(self, missing: str) -> None:
        super().__init__(
            f"RUNTIME = 'torch' needs {missing}, which is not installed: "
            "`make serve RUNTIME=torch` installs it"
        )


class Runtime(Protocol):
    """A runtime, which several threads may call.

    ``precision`` is what it computes in, None for the stored graph's own. ``is_quantized`` is true
    if it computes in int8 and can be loaded dequantized instead. ``processor`` is the name of the
    CPU or GPU.
    """

    name: str
    precision: str | None
    is_quantized: bool
    processor: str

    def logits(self, inputs: ModelInputs) -> np.ndarray:
        """Return float32 logits [texts, labels] of a pass, given its collated inputs."""

    def warm_up(self, single: Iterable[ModelInputs], packed: Iterable[ModelInputs]) -> None:
        """Prepare for passes of these shapes: of single short texts, and of packed ones."""


def check_runtime(name: RuntimeName, folder: ModelFolder) -> None:
    """Check that a runtime can be loaded, without loading it.

    Raises RuntimeNotInstalledError, and ModelFolderError if the folder lacks the weights.
    """
    if name == "openvino":
        return
    for library in TORCH_LIBRARIES:
        if find_spec(library) is None:
            raise RuntimeNotInstalledError(library)
    if not folder.weights_path.is_file():
        problem = f"it has no {WEIGHTS_FILE}, which is stored only if RUNTIME=torch is set"
        raise ModelFolderError(folder.path, problem)


def load_runtime(name: RuntimeName, folder: ModelFolder, *, dequantized: bool = False) -> Runtime:
    """Load a model into a runtime; if ``dequantized``, compute an int8 model in float32.

    Raises any exception of the runtime.
    """
    # pylint: disable=import-outside-toplevel  # both are heavy, and only one is needed
    if name == "torch":
        from inference.torch_runtime import TorchRuntime

        return TorchRuntime(folder.path)
    from inference.openvino_runtime import OpenVinoRuntime

    return OpenVinoRuntime(folder.graph_path, dequantized=dequantized)
