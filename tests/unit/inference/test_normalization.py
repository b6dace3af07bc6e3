"""Normalisation follows the model card of cardiffnlp's models."""

import pytest

from inference.normalization import normalize


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@jane_doe hello", "@user hello"),
        ("hello @jane", "hello @user"),
        ("meet @ noon", "meet @ noon"),
        ("see https://example.com/a?b=c now", "see http now"),
        ("httpbin rocks", "http rocks"),
        ("(@jane) says (https://example.com)", "(@jane) says (https://example.com)"),
        ("no  double blanks lost ", "no  double blanks lost "),
        ("line\n@jane", "line\n@jane"),
        ("", ""),
        ("😀 #tag", "😀 #tag"),
    ],
)
def test_user_names_and_links_become_placeholders_word_by_word(text: str, expected: str) -> None:
    assert expected == normalize(text)


def test_normalising_twice_changes_nothing_more() -> None:
    once = normalize("@jane saw https://example.com/x and @bob")

    assert once == normalize(once)
