"""Files are written as a whole or not at all."""

import errno
import json

import pytest

from training.files import write_json


def test_writes_json_and_makes_the_folder(tmp_path):
    path = tmp_path / "new" / "file.json"

    write_json(path, {"text": "déjà vu"})

    assert {"text": "déjà vu"} == json.loads(path.read_text(encoding="utf-8"))
    assert [path] == list(path.parent.iterdir())


def test_content_that_is_not_json_leaves_the_old_file(tmp_path):
    path = tmp_path / "file.json"
    write_json(path, {"old": 1})

    with pytest.raises(TypeError):
        write_json(path, {"new": object()})

    assert {"old": 1} == json.loads(path.read_text())
    assert [path] == list(tmp_path.iterdir())


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "file.json"
    write_json(path, {"old": 1})

    def fail(_):
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr("os.fsync", fail)

    with pytest.raises(OSError, match="no space"):
        write_json(path, {"new": 1})

    assert {"old": 1} == json.loads(path.read_text())
