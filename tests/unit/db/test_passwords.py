"""A generated `.env` suits SQL Server's policy, compose, and the host's own commands."""

import re
import stat
from pathlib import Path

import pytest

from db.passwords import password, write
from db.settings import SetupSettings


def test_passwords_differ_and_satisfy_sql_servers_policy() -> None:
    made = {password() for _ in range(500)}

    assert 500 == len(made)
    for one in made:
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{31}", one)
        assert all(re.search(kind, one) for kind in ("[A-Z]", "[a-z]", "[0-9]"))


def test_the_file_is_its_owners_alone_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    write(path)
    before = path.read_text()

    with pytest.raises(FileExistsError):
        write(path)

    assert before == path.read_text()
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)


def test_the_hosts_own_commands_go_on_recording_into_sqlite(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    write(path)

    settings = SetupSettings(_env_file=path)

    assert not settings.is_sql_server
    assert "sqlite" == settings.url().get_backend_name()
    assert None not in (
        settings.sa_password,
        settings.sql_password,
        settings.grafana_reader_password,
    )
