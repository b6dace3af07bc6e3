"""Lines that readers of a `.env` read differently are refused without showing the value."""

from pathlib import Path

import pytest

from env_file.parsing import EnvFileError, parse, read_text

SINGLE, DOUBLE, OTHER = "in single quotes", "in double quotes", "Choose a value without"


@pytest.mark.parametrize(
    ("line", "remedy"),
    [
        ("V=se#cret", SINGLE),
        ("V=#secret", SINGLE),
        ("V= # secret", "comment on a line of its own"),
        ("V=secret\t# comment", "Put a space before the #"),
        ("V=se$cret", SINGLE),
        ("V=se$$cret", SINGLE),
        ("V=se${cret}", OTHER),
        ("V='se${cret}'", OTHER),
        ("V=se'c#ret", DOUBLE),
        ("V=se'c$ret", OTHER),
        ('V="se$cret"', SINGLE),
        ('V="se\\cret"', SINGLE),
        ("V='se\\\\cret'", OTHER),
        ("V='secret\\'", OTHER),
        ("V='se\\'cret'", "Close it"),
        ("V='se'cret'", "Close it"),
        ("V='secret", "Close it"),
        ('V="secret', "Close it"),
        ("V='se'cret", "Close it"),
        ("V=secret\u00a0", OTHER),
        ("V=se\x1bcret", OTHER),
        ("V: secret", "NAME=VALUE"),
        ("export V", "NAME=VALUE"),
        ("secret", "NAME=VALUE"),
        ("V-W=secret", "has a name"),
        ("1V=secret", "has a name"),
    ],
)
def test_a_line_that_readers_disagree_on_is_refused(line: str, remedy: str) -> None:
    (before, found, after) = parse(f"A=1\n{line}\nB=2\n")

    assert remedy in found.problem
    assert "cret" not in found.problem
    assert 2 == found.line
    assert ("1", "", "2", "") == (before.value, before.problem, after.value, after.problem)


def test_each_line_of_a_value_of_several_lines_is_refused() -> None:
    first, second = parse("V='one\ntwo'\n")

    assert ("V", "") == (first.name, second.name)
    assert first.problem
    assert second.problem


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"])
def test_another_encoding_is_refused(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / ".env"
    path.write_bytes("SQL_PASSWORD=schlüssel\n".encode(encoding))

    with pytest.raises(EnvFileError, match=r"\.env is not UTF-8 text\. Save it as UTF-8\.$"):
        read_text(path)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("# my settings\rSQL_PASSWORD=secret\rSA_PASSWORD=secret\r", 1),
        ("A=1\r\nV=se\rcret\r\n", 2),
        ("A=1\n\n \rV=secret\n", 3),
    ],
)
def test_a_lone_carriage_return_is_refused(tmp_path: Path, text: str, line: int) -> None:
    path = tmp_path / ".env"
    path.write_bytes(text.encode())

    with pytest.raises(EnvFileError) as caught:
        read_text(path)

    assert f"{path}:{line} contains a carriage return. Save it with LF line ends." == str(
        caught.value
    )


@pytest.mark.parametrize("text", ["# A\r\n\r\nA=1\r\n", "A=1\r\r\nB=2\n", "A=1\r"])
def test_carriage_returns_before_a_line_end_are_read(tmp_path: Path, text: str) -> None:
    path = tmp_path / ".env"
    path.write_bytes(text.encode())

    assert "1" == parse(read_text(path))[0].value
