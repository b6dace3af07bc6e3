"""`preallocate` gives a file disk blocks on every system, and keeps its content."""

import errno
import os
from pathlib import Path

import pytest

from db.spool.preallocation import preallocate

SIZE_BYTES = 1 << 18
BLOCK_BYTES = 512  # of `st_blocks`, whatever the file system's own are


def not_supported(*_: int) -> None:
    """Fail like a file system without preallocation."""
    raise OSError(errno.EOPNOTSUPP, "Operation not supported")


@pytest.fixture(name="system", params=["Linux", "macOS", "NFS"], autouse=True)
def fixture_system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behave like each of them."""
    if request.param == "macOS":
        monkeypatch.delattr(os, "posix_fallocate", raising=False)
    if request.param == "NFS":
        monkeypatch.setattr(os, "posix_fallocate", not_supported, raising=False)


def test_a_new_file_has_blocks_for_all_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "new"

    preallocate(path, SIZE_BYTES)

    assert bytes(SIZE_BYTES) == path.read_bytes()
    assert path.stat().st_blocks * BLOCK_BYTES >= SIZE_BYTES


def test_a_sparse_file_keeps_its_content_and_gets_its_blocks(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    path.write_bytes(b"content")
    os.truncate(path, SIZE_BYTES // 2)

    preallocate(path, SIZE_BYTES)

    assert b"content".ljust(SIZE_BYTES, b"\0") == path.read_bytes()
    assert path.stat().st_blocks * BLOCK_BYTES >= SIZE_BYTES


def test_a_longer_file_is_not_truncated(tmp_path: Path) -> None:
    path = tmp_path / "long"
    path.write_bytes(b"x" * 2 * SIZE_BYTES)

    preallocate(path, SIZE_BYTES)

    assert b"x" * 2 * SIZE_BYTES == path.read_bytes()
