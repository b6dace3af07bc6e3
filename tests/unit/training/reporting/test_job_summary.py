"""The job summary shows the results of a training run."""

from dataclasses import replace

import pytest

pytest.importorskip("nncf", reason="the training group is not installed")

# pylint: disable=wrong-import-position
from tests.support.reports import (
    FIRST_RUN,
    PROVENANCE,
    UNAVAILABLE,
    WITHOUT_CHAMPION_MODEL,
    comparison,
    run_report,
)
from training.promotion.gate import Decision
from training.reporting.job_summary import append, render


def test_the_decision_is_followed_by_the_metrics_of_all_models():
    summary = render(run_report())

    assert summary.startswith(
        "## Training\n\n**Promoted: accuracy 0.8750 against 0.7500 of sentiment:old: better**\n"
    )
    for line in (
        "| candidate | 0.8750 | 0.8333 | 0.8413 | 0.0750 | int8 |",
        "| champion `sentiment:old` | 0.7500 | 0.7778 | 0.7556 | 0.0500 | int8 |",
        f"| base model `{PROVENANCE.base_model}` | 0.6250 | 0.6111 | 0.6238 | 0.1750 | int8 |",
    ):
        assert line in summary.splitlines()


def test_the_paired_test_is_shown_as_a_table_and_in_words():
    summary = render(run_report())

    assert "| candidate right | 1,300 | 130 |\n| candidate wrong | 95 | 475 |" in summary
    assert (
        "a difference in accuracy of +1.75 points, with a 95% confidence interval from +0.28 to "
        "+3.22."
    ) in summary


@pytest.mark.parametrize(
    ("gained", "lost", "found"),
    [
        (130, 95, "p = 0.0197 (mid-p McNemar test). So the candidate is significantly better."),
        (100, 95, "So chance may explain the difference."),
        (95, 130, "So the candidate is significantly worse."),
        (200, 20, "p < 0.0001 (mid-p McNemar test). So the candidate is significantly better."),
    ],
)
def test_the_paired_test_is_interpreted(gained, lost, found):
    models = comparison(1000, gained, lost, 2000 - 1000 - gained - lost)

    assert found in render(run_report(models=models))


def test_a_champion_without_its_model_is_not_tested():
    summary = render(run_report(models=WITHOUT_CHAMPION_MODEL))

    assert "| champion `sentiment:lost` | 0.7000 | - | - | - | - |" in summary
    assert "The champion's accuracy is the recorded one: its model is not available" in summary
    assert "Not tested on the same rows: the champion's model is not available." in summary


def test_the_first_run_is_compared_with_the_base_model():
    summary = render(run_report(models=FIRST_RUN))

    assert "### Candidate against base model" in summary
    assert "| | base model right | base model wrong |" in summary
    assert "champion" not in summary


def test_the_run_is_described():
    summary = render(run_report())

    for fact in (
        "| dataset | `cardiffnlp/tweet_eval`: 1,000 rows of train, 8 of validation, sampled with "
        "seed 42 |",
        "| precision | int8: int8 has accuracy 0.8750 against 0.8750 in fp32 |",
        "| registered as | `sentiment:new` |",
        "| git commit | `0123abc` |",
        "| duration | 3 min 5 s |",
    ):
        assert fact in summary


def test_a_run_without_promotion_registers_nothing():
    report = run_report(decision=Decision(False, "not better"), model_tag=None)

    summary = render(report)

    assert "**Not promoted: not better**" in summary
    assert "| registered as | not registered |" in summary


def test_special_characters_in_names_break_no_table():
    origin = replace(PROVENANCE, dataset="my|data\n| x |", git_commit=None)
    champion = replace(UNAVAILABLE, model_tag="a`|`b")
    models = replace(comparison(), champions=(), records_without_model=(champion,))
    reason = "better than **a`|`b**\n# so"

    summary = render(run_report(provenance=origin, models=models, decision=Decision(True, reason)))

    tables = [line for line in summary.splitlines() if line.startswith("|")]
    assert {3, 4, 5, 6, 7, 8} >= {line.count("|") for line in tables}
    assert "| dataset | <code>my&#124;data &#124; x &#124;</code>: 1,000 rows" in summary
    assert "**Promoted: better than &#42;&#42;a&#96;&#124;&#96;b&#42;&#42; &#35; so**" in summary


def test_the_summary_is_appended_to_those_of_other_steps(tmp_path):
    path = tmp_path / "summary.md"
    path.write_text("Tests passed", encoding="utf-8")

    append("## Training", path)
    append("## Again", path)

    assert "Tests passed\n## Training\n\n## Again\n" == path.read_text(encoding="utf-8")
