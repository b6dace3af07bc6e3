"""A generated `.env` works for SQL Server's password policy, compose and the host's commands."""

import re
import stat
from pathlib import Path

import pytest
from dotenv import dotenv_values

from db.settings import SetupSettings
from env_file.parsing import EnvFileError
from tests.support.env_readers import UNSET, Reader, by_our_parser, by_python
from tools.generate_env import VALUES, complete, password


def test_passwords_are_unique_and_match_sql_servers_policy() -> None:
    made = {password() for _ in range(500)}

    assert 500 == len(made)
    for one in made:
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{31}", one)
        assert all(re.search(kind, one) for kind in ("[A-Z]", "[a-z]", "[0-9]"))


def test_a_new_file_has_all_variables_and_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / ".env"

    added = complete(path)

    assert list(VALUES) == added == list(dotenv_values(path))
    assert all(dotenv_values(path).values())
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)


def test_a_complete_file_is_not_changed(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    complete(path)
    before = path.read_text(encoding="utf-8")

    assert not complete(path)
    assert before == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("ending", ["", "\n", "\r\n", "\n\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("HF_TOKEN=mine", "HF_TOKEN=mine"),
        ("SQL_PASSWORD=\n# a note\nHF_TOKEN=mine", "# a note\nHF_TOKEN=mine"),
        ("SQL_PASSWORD= # later\nHF_TOKEN=mine", "HF_TOKEN=mine"),
        ("SQL_PASSWORD=old\nHF_TOKEN=mine\nexport SQL_PASSWORD=''", "SQL_PASSWORD=old"),
        ("HF_TOKEN='mi#ne'\nSQL_PASSWORD=", "HF_TOKEN='mi#ne'"),
        ("HF_TOKEN=mine # the last line", "HF_TOKEN=mine # the last line"),
        ("HF_TOKEN=mine\\", "HF_TOKEN=mine\\"),
    ],
)
def test_an_existing_file_is_completed(
    tmp_path: Path, given: str, kept: str, mark: str, ending: str
) -> None:
    path = tmp_path / ".env"
    path.write_bytes(f"{mark}export SA_PASSWORD=kept\n{given}{ending}".encode())
    path.chmod(0o644)

    added = complete(path)

    assert set(VALUES) - {"SA_PASSWORD"} == set(added)
    assert path.read_bytes().startswith(f"{mark}export SA_PASSWORD=kept".encode())
    assert kept in path.read_text(encoding="utf-8")
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    found, again = by_python(path, [*VALUES, "HF_TOKEN"]), by_our_parser(path, VALUES)
    assert ("kept", "mi") == (found["SA_PASSWORD"], found["HF_TOKEN"][:2])
    assert set() == {"", UNSET} & set(found.values())
    assert again.items() <= found.items()
    assert re.fullmatch(r"[\w-]{32}", found["SQL_PASSWORD"])


def test_all_readers_read_the_completed_file(tmp_path: Path, reader: Reader) -> None:
    path = tmp_path / ".env"
    path.write_bytes(b"\xef\xbb\xbfSQL_PASSWORD= # later\r\nSA_PASSWORD=''\r\nHF_TOKEN=mine\\")

    complete(path)

    found = reader(path, [*VALUES, "HF_TOKEN"])
    assert "mine\\" == found["HF_TOKEN"]
    assert set() == {"", UNSET} & set(found.values())
    assert by_our_parser(path, [*VALUES, "HF_TOKEN"]) == found


def test_empty_variables_are_replaced_in_place(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("".join(f"{name}=\n" for name in VALUES), encoding="utf-8")

    complete(path)

    lines = path.read_text(encoding="utf-8").splitlines()
    assert list(VALUES) == [line.partition("=")[0] for line in lines]


@pytest.mark.parametrize(
    "line",
    [
        "HF_TOKEN='planted",
        'SQL_PASSWORD="planted',
        "SQL_PASSWORD=plan$ted",
        "sql_password=planted",
        "GRAFANA_READER_PASSWORD=plan;ted",
        "GRAFANA_ADMIN_PASSWORD='plan$__file{ted}'",
        "planted",
    ],
)
def test_a_line_that_readers_disagree_on_is_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / ".env"
    path.write_text(f"IMAGE=me/x:1\n{line}", encoding="utf-8")

    with pytest.raises(EnvFileError) as caught:
        complete(path)

    (message,) = str(caught.value).splitlines()
    name = line.partition("=")[0] if "=" in line else "the line"
    assert message.startswith(f"{path}:2: {name} ")
    assert not re.search("planted|plan|ted[^a-z]", message)
    assert f"IMAGE=me/x:1\n{line}" == path.read_text(encoding="utf-8")
    assert [path] == list(tmp_path.iterdir())


def test_each_problem_is_one_line_of_the_error(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("A=$x\nB=1\nC='x\nplanted=$\n'\n", encoding="utf-8")

    with pytest.raises(EnvFileError) as caught:
        complete(path)

    assert [f"{path}:1: A", f"{path}:3: C"] == [
        line[: len(f"{path}:1: A")] for line in str(caught.value).splitlines()
    ]


def test_a_symbolic_link_is_kept(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("HF_TOKEN=mine\n", encoding="utf-8")
    path = tmp_path / ".env"
    path.symlink_to(tmp_path / "elsewhere")

    complete(path)

    assert path.is_symlink()
    assert "mine" == dotenv_values(tmp_path / "elsewhere")["HF_TOKEN"]


def test_the_hosts_commands_still_record_into_sqlite(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    complete(path)

    settings = SetupSettings(_env_file=path)

    assert not settings.uses_sql_variables
    assert "sqlite" == settings.url().get_backend_name()
    assert None not in (
        settings.sa_password,
        settings.sql_password,
        settings.grafana_reader_password,
    )


def test_a_file_with_lone_carriage_returns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    content = b"# my settings\rSQL_PASSWORD=MyOwn1\rSA_PASSWORD=MyOwn2\r"
    path.write_bytes(content)

    with pytest.raises(EnvFileError, match=r"carriage return. Save it with LF line ends\.$"):
        complete(path)

    assert content == path.read_bytes()
