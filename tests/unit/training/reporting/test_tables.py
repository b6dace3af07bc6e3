"""Figures become Markdown tables, whatever is in the names."""

import pytest

from training.evaluation.metrics import compute_metrics
from training.reporting.tables import class_table, code, confusion_table, plain, share, table


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
def test_a_text_from_outside_shows_as_it_is(text, shown):
    assert shown == plain(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cardiffnlp/tweet_eval", "`cardiffnlp/tweet_eval`"),
        ("a|`b`\nc", "<code>a&#124;&#96;b&#96; c</code>"),
    ],
)
def test_a_name_from_outside_shows_as_code(text, shown):
    assert shown == code(text)


def test_a_share_that_is_not_known_is_a_dash():
    assert ("0.1235", "-") == (share(0.12345678), share(None))


def test_each_class_has_its_figures():
    evaluation = compute_metrics([0, 0, 0, 1], [0, 0, 1, 1], ("negative", "positive"))

    lines = class_table(evaluation).splitlines()

    assert "| negative | 1.0000 | 0.6667 | 0.8000 | 3 |" == lines[2]


def test_the_confusion_matrix_has_the_true_classes_as_rows():
    evaluation = compute_metrics([0, 0, 0, 1], [0, 0, 1, 1], ("negative", "positive"))

    lines = confusion_table(evaluation).splitlines()

    assert ["| | negative | positive |", "|---|---|---|", "| negative | 2 | 1 |"] == lines[:3]
