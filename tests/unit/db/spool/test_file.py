"""What a spool file commits is on the disk."""

from contextlib import closing
from pathlib import Path

import pytest

from db.spool.file import SpoolFile

# Source of the values: https://sqlite.org/pragma.html
DURABILITY = {"synchronous": 2, "fullfsync": 1, "checkpoint_fullfsync": 1}


@pytest.mark.parametrize(("name", "expected"), DURABILITY.items())
def test_a_commit_is_on_the_disk_on_every_system(tmp_path: Path, name: str, expected: int) -> None:
    with closing(SpoolFile.create(tmp_path)) as file:
        connection = file._connection  # pylint: disable=protected-access  # of no other use

        assert (expected,) == connection.execute(f"PRAGMA {name}").fetchone()
