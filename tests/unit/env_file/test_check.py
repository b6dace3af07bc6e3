"""A `.env` is read completely, or refused with its path and a remedy."""

from pathlib import Path

import pytest
from bentoml.exceptions import BentoMLConfigException

from db.settings import DatabaseSettings, SettingsError
from env_file.check import env_file_problem
from inference.settings import EnvFileError, ModelSettings, check_env_file

TEXT = "MODEL_TAG=sentiment:mine\nSQL_PASSWORD=planted\n"
BROKEN = {
    "UTF-16": (TEXT.encode("utf-16"), "is not UTF-8 text"),
    "UTF-16 without its mark": (TEXT.encode("utf-16-le"), "is not UTF-8 text"),
    "UTF-32": (TEXT.encode("utf-32"), "is not UTF-8 text"),
    "Latin-1": ("SQL_PASSWORD=plantéd".encode("latin-1"), "is not UTF-8 text"),
    "an open quote": (f"{TEXT}API_KEYS='planted".encode(), "cannot be parsed at line 3"),
    "two open quotes": (b"A=1\nB=\"planted\nC='planted\n", "cannot be parsed at line 2"),
    "text behind a quote": (b"A='planted'planted\n", "cannot be parsed at line 1"),
    "a mark inside": ("A=1\n\ufeffAPI_KEYS=planted\n".encode(), "has a name at line 2 that is not"),
    "two marks": ("\ufeff\ufeffAPI_KEYS=planted\n".encode(), "has a name at line 1 that is not"),
    "a zero-width space": ("\n\n\u200bAPI_KEYS=planted\n".encode(), "at line 3 that is not"),
    "a quoted name": (b'"API_KEYS"=planted\n', "has a name at line 1 that is not"),
    "a make assignment": (b"API_KEYS:=planted\n", "has a name at line 1 that is not"),
    "a Cyrillic letter": ("\u0410PI_KEYS=planted\n".encode(), "has a name at line 1 that is not"),
    "a wide equals sign": ("API_KEYS\uff1dplanted\n".encode(), "has a name at line 1 that is not"),
    "a name alone": (b"# A\n\nplanted # comment\n", "has a name without a value at line 3"),
    "an exported name alone": (b"export planted\n", "has a name without a value at line 1"),
    "a line inside quotes": (b"A=1\nB='planted\nAPI_KEYS=planted'\n", "inside the text of line 2"),
    "lines inside quotes": (b'B="\n# x\n export API_KEYS =planted\n"\n', "the text of line 1"),
    "a line separator": ("A=1\u2028API_KEYS=planted\n".encode(), "inside the text of line 1"),
    "a separator in a comment": (b"# A\x0bAPI_KEYS=planted\n", "inside the text of line 1"),
    "no name": (b"A=1\n\n=planted\n", "cannot be parsed at line 3"),
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
def test_a_line_that_cannot_be_parsed_is_refused(
    tmp_path: Path, content: tuple[bytes, str]
) -> None:
    path = tmp_path / ".env"
    path.write_bytes(content[0])

    found = env_file_problem(path)
    with pytest.raises(EnvFileError) as caught:
        check_env_file(path)

    assert found is not None
    assert content[1] in found[0]
    assert f"{path} {found[0]}. {found[1]}." == str(caught.value)
    assert "plant" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_file_with_crlf_is_read_to_its_end(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / ".env"
    path.write_text(TEXT.replace("\n", "\r\n"), encoding=encoding, newline="")

    model, database = ModelSettings(_env_file=path), DatabaseSettings(_env_file=path)

    assert env_file_problem(path) is None
    assert "sentiment:mine" == model.model_tag
    assert database.sql_password is not None
    assert "planted" == database.sql_password.get_secret_value()


@pytest.mark.parametrize(
    "text",
    [
        "\n# comment\n  # A=1\n\nA=1\n",
        "\ufeffexport A=1",
        "A=\nB=''\nC= # comment\n",
        "  A = 1 # B=2\r\n",
        "'A'=1\n",
        "A='first\nsecond line, third = 3'\n",
        'A="first\\nB=2"\n',
        "A=http://x/?B=2\n",
        "# my settings\rA=1\r",
    ],
)
def test_lines_that_python_dotenv_reads_are_accepted(tmp_path: Path, text: str) -> None:
    path = tmp_path / ".env"
    path.write_bytes(text.encode())

    assert env_file_problem(path) is None
    check_env_file(path)


def test_a_missing_file_and_a_folder_are_ignored(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        assert env_file_problem(path) is None
        check_env_file(path)


def test_settings_refuse_a_broken_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / ".env"
    path.write_bytes(TEXT.encode("utf-16"))
    monkeypatch.setitem(DatabaseSettings.model_config, "env_file", str(path))

    with pytest.raises(SettingsError, match=r"\.env is not UTF-8 text\. Save it as UTF-8"):
        DatabaseSettings.read()
    with pytest.raises(BentoMLConfigException, match=r"\.env is not UTF-8 text\. Save it as UTF-8"):
        ModelSettings(_env_file=path)
