"""The Hub's client in the process of the tests."""

from pathlib import Path
from types import SimpleNamespace

import pytest

UPLOAD_DEPRECATION = "ignore:Use 'content=<...>':DeprecationWarning"
"""What huggingface_hub's own uploads provoke in its HTTP library."""


def keep_client_to(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the client keep all it writes in a folder, know no login, speak LFS, and never wait.

    It waits 23 s between the six tries of a request, which tests need not.
    """
    constants = "huggingface_hub.constants"
    monkeypatch.setenv("HF_HOME", str(folder))
    monkeypatch.setattr(f"{constants}.HF_HOME", str(folder))
    monkeypatch.setattr(f"{constants}.HF_HUB_CACHE", str(folder / "hub"))
    monkeypatch.setattr(f"{constants}.HF_XET_CACHE", str(folder / "xet"))
    monkeypatch.setattr(f"{constants}.HF_TOKEN_PATH", str(folder / "token"))
    monkeypatch.setattr(f"{constants}.HF_HUB_DISABLE_XET", True)
    impatient = SimpleNamespace(sleep=lambda seconds: None)
    monkeypatch.setattr("huggingface_hub.utils._http.time", impatient)
    monkeypatch.setattr("huggingface_hub.file_download.time", impatient)
