"""Metrics become Markdown tables, whatever the names contain."""

import pytest

pytest.importorskip("nncf", reason="the training group is not installed")

# pylint: disable=wrong-import-position
from training.evaluation.metrics import compute_metrics
from training.reporting.markdown import (
    class_table,
    code,
    confusion_table,
    format_duration,
    format_share,
    plain,
    table,
)


def test_a_table_has_a_line_for_each_row():
    assert "| | b |\n|---|---|\n| 1 | 2 |" == table(("", "b"), [("1", "2")])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("accuracy 0.7 of sentiment:old", "accuracy 0.7 of sentiment:old"),
        ("tweet_eval", "tweet_eval"),
        ("a|b", "a&#124;b"),
        ("one\n\n  two", "one two"),
        ("__bold__ *x*", "&#95;&#95;bold&#95;&#95; &#42;x&#42;"),
        ("<script>&amp;", "&#60;script&#62;&#38;amp;"),
        ("[a](b) `c` \\ $d$", "&#91;a&#93;(b) &#96;c&#96; &#92; &#36;d&#36;"),
    ],
)
def test_a_text_is_shown_unchanged(text, shown):
    assert shown == plain(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cardiffnlp/tweet_eval", "`cardiffnlp/tweet_eval`"),
        ("a|`b`\nc", "<code>a&#124;&#96;b&#96; c</code>"),
    ],
)
def test_a_name_is_shown_as_code(text, shown):
    assert shown == code(text)


def test_an_unknown_share_is_a_dash():
    assert ("0.1235", "-") == (format_share(0.12345678), format_share(None))


def test_each_class_has_its_metrics():
    metrics = compute_metrics([0, 0, 0, 1], [0, 0, 1, 1], ("negative", "positive"))

    lines = class_table(metrics).splitlines()

    assert "| negative | 1.0000 | 0.6667 | 0.8000 | 3 |" == lines[2]


def test_the_confusion_matrix_has_the_true_classes_as_rows():
    metrics = compute_metrics([0, 0, 0, 1], [0, 0, 1, 1], ("negative", "positive"))

    lines = confusion_table(metrics).splitlines()

    assert ["| | negative | positive |", "|---|---|---|", "| negative | 2 | 1 |"] == lines[:3]


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.4, "0 s"), (59.6, "1 min 0 s"), (3661, "61 min 1 s")]
)
def test_a_duration_is_shown_in_minutes_and_seconds(seconds, shown):
    assert shown == format_duration(seconds)
