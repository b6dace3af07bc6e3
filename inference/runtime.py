"""What executes a model: OpenVINO, or torch where it is installed and chosen."""

import sys
from collections.abc import Iterable
from importlib.util import find_spec
from typing import Literal, Protocol

import numpy as np

from inference.model_folder import WEIGHTS_FILE, ModelFolder, ModelFolderError
from inference.packing import Arrays

RuntimeName = Literal["openvino", "torch"]

TORCH_LIBRARIES = ("torch", "transformers")

HUGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"} if sys.platform == "linux" else {}
"""What makes Linux hold the model of a process in pages of 2 MB, if it starts with this.

Other systems have no such variable, and choose the size of pages themselves.
"""


class RuntimeNotInstalledError(Exception):
    """The runtime that was chosen is not installed."""

    def __init__(self, missing: str) -> None:
        super().__init__(
            f"RUNTIME = 'torch' needs {missing}, which is not installed: "
            "`make serve RUNTIME=torch` installs it"
        )


class Runtime(Protocol):
    """What the classifier needs of whatever executes the model; several threads may call it.

    ``precision`` is what it computes in; None where that is the stored graph's own.
    ``has_precise_form`` is set if it computes with int8 and can do so in float32 instead.
    ``processor`` is the name of what it computes on.
    """

    name: str
    precision: str | None
    has_precise_form: bool
    processor: str

    def logits(self, arrays: Arrays) -> np.ndarray:
        """Return float32 logits [texts, labels] for the arrays of a pass, as packing makes them."""

    def prepare(self, lone: Iterable[Arrays], shared: Iterable[Arrays]) -> None:
        """Get ready for passes of these shapes: those that often come alone, and all others."""


def check_runtime(name: RuntimeName, folder: ModelFolder) -> None:
    """Tell in short what would keep a runtime from being loaded, without loading it.

    Raises RuntimeNotInstalledError, and ModelFolderError where the folder lacks its weights.
    """
    if name == "openvino":
        return
    for library in TORCH_LIBRARIES:
        if find_spec(library) is None:
            raise RuntimeNotInstalledError(library)
    if not folder.weights_path.is_file():
        problem = f"it has no {WEIGHTS_FILE}, which models are stored with if RUNTIME=torch is set"
        raise ModelFolderError(folder.path, problem)


def load_runtime(name: RuntimeName, folder: ModelFolder, *, precise: bool = False) -> Runtime:
    """Load a model into a runtime, if ``precise`` in its precise form.

    Raises what that raises, which may be anything.
    """
    # pylint: disable=import-outside-toplevel  # each is heavy, and one of them is needed
    if name == "torch":
        from inference.torch_runtime import TorchRuntime

        return TorchRuntime(folder.path)
    from inference.openvino_runtime import OpenVinoRuntime

    return OpenVinoRuntime(folder.graph_path, precise=precise)
