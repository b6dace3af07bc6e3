"""The Hub's client in the process of the tests."""

from pathlib import Path
from types import SimpleNamespace

import pytest

UPLOAD_DEPRECATION = "ignore:Use 'content=<...>':DeprecationWarning"
"""A warning that huggingface_hub's uploads cause in its HTTP library."""


def keep_client_to(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the client's files in a folder; disable its login, Xet, and the pauses of its retries.

    It would wait 23 s in all between the six attempts of a request.
    """
    constants = "huggingface_hub.constants"
    monkeypatch.setenv("HF_HOME", str(folder))
    monkeypatch.setattr(f"{constants}.HF_HOME", str(folder))
    monkeypatch.setattr(f"{constants}.HF_HUB_CACHE", str(folder / "hub"))
    monkeypatch.setattr(f"{constants}.HF_XET_CACHE", str(folder / "xet"))
    monkeypatch.setattr(f"{constants}.HF_TOKEN_PATH", str(folder / "token"))
    monkeypatch.setattr(f"{constants}.HF_HUB_DISABLE_XET", True)
    no_pauses = SimpleNamespace(sleep=lambda seconds: None)
    monkeypatch.setattr("huggingface_hub.utils._http.time", no_pauses)
    monkeypatch.setattr("huggingface_hub.file_download.time", no_pauses)
