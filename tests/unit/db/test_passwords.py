"""A generated `.env` suits SQL Server's policy, compose, and the host's own commands."""

import re
import stat
from pathlib import Path

import pytest
from dotenv import dotenv_values

from db.passwords import VALUES, complete, password
from db.settings import SetupSettings


def test_passwords_differ_and_satisfy_sql_servers_policy() -> None:
    made = {password() for _ in range(500)}

    assert 500 == len(made)
    for one in made:
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{31}", one)
        assert all(re.search(kind, one) for kind in ("[A-Z]", "[a-z]", "[0-9]"))


def test_a_new_file_says_all_that_the_stack_needs_to_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / ".env"

    added = complete(path)

    assert list(VALUES) == added == list(dotenv_values(path))
    assert all(dotenv_values(path).values())
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)


def test_what_a_file_says_is_never_changed(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    complete(path)
    before = path.read_text(encoding="utf-8")

    assert [] == complete(path)
    assert before == path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "given",
    [
        "HF_TOKEN=mine",
        "# a note\nHF_TOKEN=mine\nSQL_PASSWORD=\n",
        "HF_TOKEN=mine\nSQL_PASSWORD= # later",
        'HF_TOKEN=mine\nSQL_PASSWORD=""',
    ],
)
def test_a_file_of_ones_own_is_completed(tmp_path: Path, given: str) -> None:
    path = tmp_path / ".env"
    path.write_text(f"{given}\nexport SA_PASSWORD=kept", encoding="utf-8")
    path.chmod(0o644)

    added = complete(path)

    assert set(VALUES) - {"SA_PASSWORD"} == set(added)
    assert path.read_text(encoding="utf-8").startswith(f"{given}\nexport SA_PASSWORD=kept\n")
    found = dotenv_values(path)
    assert ("mine", "kept") == (found["HF_TOKEN"], found["SA_PASSWORD"])
    assert found["SQL_PASSWORD"]
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)


def test_the_hosts_own_commands_go_on_recording_into_sqlite(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    complete(path)

    settings = SetupSettings(_env_file=path)

    assert not settings.is_sql_server
    assert "sqlite" == settings.url().get_backend_name()
    assert None not in (
        settings.sa_password,
        settings.sql_password,
        settings.grafana_reader_password,
    )
