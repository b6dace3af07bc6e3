"""Normalization follows the model card of cardiffnlp's models and real tweets."""

import html
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.normalization import MAX_DECODING_ROUNDS, normalize

ENCODED = st.sampled_from(
    ["\\", "&", "amp;", "&lt;", "&#39", "u2019", "\\u2019", "\\ud83d", "\\ude00", "\\n", "x27"]
)
OTHER = st.sampled_from(
    [
        " ",
        "\n",
        "@",
        "@jane",
        "RT",
        "http",
        "https://t.co/a",
        "(",
        "<",
        "s>",
        "</s>",
        "[MASK]",
        "C:\\",
    ]
)
MIXED = st.lists(ENCODED | OTHER).map("".join) | st.text()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@jane_doe hello", "@user hello"),
        ("hello @jane", "hello @user"),
        ("meet @ noon", "meet @ noon"),
        ("@jane's @joe: @kim!!", "@user @user @user"),
        ("see https://example.com/a?b=c now", "see http now"),
        ("httpbin rocks", "http rocks"),
        ("", ""),
        ("😀 #tag", "😀 #tag"),
    ],
)
def test_user_names_and_links_become_placeholders_word_by_word(text: str, expected: str) -> None:
    assert expected == normalize(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("line\n@jane\tand\r\nhttps://t.co/a", "line @user and http"),
        (".@jane (@joe) “@kim: yes” -@lee", ".@user (@user) “@user: yes” -@user"),
        ("LOL!@jane 🔥@joe \u2066@kim\u2069", "LOL!@user 🔥@user \u2066@user\u2069"),
        ("RT@jane: no", "RT@user: no"),
        ("\uff20jane", "@user"),
        ("(@jane) says (https://example.com).", "(@user) says (http)."),
        ('<a href="https://t.co/a">', '<a href="http">'),
        ("picturehttps://t.co/a#b", "picture http"),
        ("HTTPS://T.CO/A", "http"),
        ("write to jane.doe@example.com", "write to jane.doe@example.com"),
        ("www.example.com", "www.example.com"),
    ],
)
def test_user_names_and_links_are_found_after_punctuation(text: str, expected: str) -> None:
    assert expected == normalize(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\n\nb\t c\u2028d\u00a0e", "a b c d e"),
        (" a  b\n", " a b "),
        ("\n", " "),
    ],
)
def test_white_space_of_any_kind_is_one_blank(text: str, expected: str) -> None:
    assert expected.split(" ") == normalize(text).split(" ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Q&amp;A &lt;3 it&#39;s &#x27;ok&#X27;", "Q&A <3 it's 'ok'"),
        ("&quot;a&quot; &hellip; &eacute;&nbsp;b", '"a" … é b'),
        ("&#8217; &#146; &#x1F602;", "\u2019 \u2019 😂"),
        ("&#55357;&#56832; &#xD83D;&#xDE00;", "😀 😀"),
        ("&lt3 a &amp b you&#39re &#128512", "<3 a & b you're 😀"),
        ("&amp;lt; &amp;amp;amp;#39; &amp;amp;amp;amp;", "< ' &"),
        ("AT&T R&B &notit; &amp;nothing; a&lt=3", "AT&T R&B &notit; &nothing; a&lt=3"),
        ("Q&#1 in&#2020 &#99999999; &#1114112; &#0; &#7;",) * 2,
    ],
)
def test_entities_become_characters(text: str, expected: str) -> None:
    assert expected == normalize(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"it\u2019s late\u002c \"so\" late", 'it\u2019s late, "so" late'),
        (r"\ud83d\ude00 \U0001F600 \u{1F600} \uD83D\uDE00\ud83d\ude00", "😀 😀 😀 😀😀"),
        (r"I\xe2\x80\x99m \xf0\x9f\x98\x80 caf\xe9 \x27 \x92", "I\u2019m 😀 café ' \u2019"),
        ("it<U+2019>s <U+0001F600> <U+D83D><U+DE00>", "it\u2019s 😀 😀"),
        (r"one\ntwo\r\n\tthree \\n four\\u2019s", "one two three four\u2019s"),
        (r"http:\/\/t.co\/a 24\/7 w\/ :-\/", r"http 24/7 w\/ :-\/"),
        (r"\u0026amp; \u0026lt; \&quot;a\&quot;", '& < "a"'),
        (r"\n@jane \u0040joe", " @user @user"),
    ],
)
def test_escapes_become_characters(text: str, expected: str) -> None:
    assert expected == normalize(text)


@pytest.mark.parametrize(
    "text",
    [
        r"C:\users C:\new\table c:\\temp\\x64\\u2019",
        r"\u12 \u201 \uuuu \U0001F60 \x2 \u{} \u{110000} \UFFFFFFFF",
        r"\ud83d alone \ude00 \ud83d",
        r"\u0000 \x00 \u0007 \x80\x81",
        r"¯\_(ツ)_/¯ \o/ \m/ \(^o^)/ a \ b \\ c",
    ],
)
def test_escapes_of_no_character_stay(text: str) -> None:
    assert text == normalize(text)


@pytest.mark.parametrize("token", ["</s>", "<s>", "<pad>", "<mask>", "<unk>", "[MASK]", "[CLS]"])
def test_special_tokens_are_read_as_text(token: str) -> None:
    assert f"a{token[0]} {token[1:]} b" == normalize(f"a{token} b")
    assert normalize(token) == normalize(html.escape(token))


@settings(deadline=None, database=None)
@given(MIXED)
def test_normalizing_twice_changes_nothing(text: str) -> None:
    once = normalize(text)

    assert once == normalize(once)


@settings(deadline=None, database=None)
@given(st.text(st.characters(exclude_categories=("C",), exclude_characters="\\&<")))
def test_an_encoded_text_is_read_as_the_text_itself(text: str) -> None:
    written = {
        "HTML": html.escape(text),
        "HTML twice": html.escape(html.escape(text)),
        "JSON": json.dumps(text)[1:-1],
        "JSON of HTML": json.dumps(html.escape(text))[1:-1],
        "Python": repr(text.encode())[2:-1],
        "numbers": "".join(f"&#{ord(character)};" for character in text),
    }

    assert dict.fromkeys(written, normalize(text)) == {k: normalize(v) for k, v in written.items()}


@settings(deadline=None, database=None)
@given(MIXED)
def test_a_text_without_escapes_keeps_its_characters(text: str) -> None:
    text = text.translate(dict.fromkeys(map(ord, "&\\<[@\uff20:"))).replace("http", "")

    assert text.split() == normalize(text).split()


@pytest.mark.parametrize("rounds", range(1, MAX_DECODING_ROUNDS + 1))
def test_nested_encodings_are_decoded(rounds: int) -> None:
    text = "\u2019"
    for number in range(rounds):
        text = "".join(f"&#{ord(c)};" if number % 2 else f"\\u{ord(c):04x}" for c in text)

    assert "\u2019" == normalize(text)
