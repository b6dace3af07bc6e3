"""Python, compose and make read the same value of every line that `make env` accepts."""

import random
from pathlib import Path

import pytest

from env_file.parsing import parse
from tests.support.env_readers import Reader, by_our_parser

ACCEPTED = {
    "V=plain": "plain",
    "V=a b  c": "a b  c",
    "V=a # comment": "a",
    "V=a \t": "a",
    " \tV\t=\ta": "a",
    "export V=a": "a",
    "V=": "",
    "V=''": "",
    'V=""': "",
    "V=a=b=c": "a=b=c",
    "V=a'b\"c`d": "a'b\"c`d",
    r"V=a\nb\\c" + "\\": r"a\nb\\c" + "\\",
    "V=a;b{c}d|e&f<g>h(i)j*k?l!m~n^o%p@q/r:s,t[u]v+w": (
        "a;b{c}d|e&f<g>h(i)j*k?l!m~n^o%p@q/r:s,t[u]v+w"
    ),
    "V=zażółć€😀": "zażółć€😀",
    "V='a#b' # comment": "a#b",
    "V='  a  '#comment": "  a  ",
    "V='a$b$$c$'": "a$b$$c$",
    "V='a\"b'": 'a"b',
    r"V='a\nb'": r"a\nb",
    'V="a\'b # c"': "a'b # c",
    "V=first\nV=last": "last",
    "V=first\nV=": "",
    "# V=a": "not set",
}
PIECES = [*"aB1é #$'\"\\=\t%{};`!\u00a0\u2028", " #", "$$", "${A}", "\\\\", "\\n", "export "]


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_all_readers_agree_on_what_is_accepted(
    tmp_path: Path, reader: Reader, mark: str, ending: str
) -> None:
    names = [f"V{number}" for number in range(len(ACCEPTED))]
    lines = [
        line.replace("V", name, 1).replace("\nV", f"\n{name}")
        for name, line in zip(names, ACCEPTED, strict=True)
    ]
    text = mark + "\n".join(lines)
    (tmp_path / ".env").write_bytes(text.replace("\n", ending).encode())

    found = reader(tmp_path / ".env", names)

    assert not [each for each in parse(text) if each.problem]
    assert dict(zip(names, ACCEPTED.values(), strict=True)) == found


def test_all_readers_agree_on_random_lines_that_are_accepted(
    tmp_path: Path, reader: Reader
) -> None:
    rng = random.Random(42)
    lines = []
    while len(lines) < 300:
        quote = rng.choice(["", "'", '"'])
        body = "".join(rng.choices(PIECES, k=rng.randint(1, 5)))
        line = f"V{len(lines)}={quote}{body}{quote}{rng.choice(['', '  ', ' # c'])}"
        lines += [line] if not any(each.problem for each in parse(line)) else []
    names = [f"V{number}" for number in range(len(lines))]
    (tmp_path / ".env").write_bytes("\n".join(lines).encode())

    found = reader(tmp_path / ".env", names)

    assert len(set(found.values())) > 100
    assert by_our_parser(tmp_path / ".env", names) == found
