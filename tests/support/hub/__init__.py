"""A stand-in for the Hugging Face Hub: its HTTP interface, on a port of the loopback.

Real clients talk to it: ``huggingface_hub``, ``from_pretrained`` and ``load_dataset``. It stores
big files by LFS, checks the hash of each, makes a commit visible as a whole, and breaks when
told to. It does not speak Xet, which clients choose by themselves: ``HF_HUB_DISABLE_XET=1``.
"""

from tests.support.hub.server import Hub
from tests.support.hub.storage import Repository, State

__all__ = ["Hub", "Repository", "State"]
