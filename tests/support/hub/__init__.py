"""A stand-in for the Hugging Face Hub: its HTTP interface, on a port of the loopback.

Real clients talk to it: ``huggingface_hub``, ``from_pretrained`` and ``load_dataset``. It stores
large files by LFS, checks hashes, makes commits atomic, and fails on request (``Hub.faults``).
It does not support Xet, the clients' default: set ``HF_HUB_DISABLE_XET=1``.
"""

from tests.support.hub.server import Hub
from tests.support.hub.storage import Repository, State

__all__ = ["Hub", "Repository", "State"]
