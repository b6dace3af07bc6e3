"""The gate promotes a candidate that is better, and says how often chance would."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("nncf", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only if the training group is installed
from training.evaluation.prediction import Predictions
from training.promotion.champion_record import ChampionRecord
from training.promotion.comparison import EvaluatedModel, ModelComparison
from training.promotion.gate import (
    Decision,
    FalsePromotionRate,
    apply_rule,
    decide,
    false_promotion_rate,
)

# candidate only, champion only, of 2,000 rows of which the candidate predicts 1,500 correctly
CLOSE, CLEAR, REVERSE = (105, 95), (140, 80), (80, 140)
ROWS, SAMPLED = 2_000, 200


def predictions(correct: np.ndarray) -> Predictions:
    """Return predictions for rows whose label is 0."""
    return Predictions((0,) * len(correct), np.eye(3)[1 - correct.astype(int)])


def model(name: str, accuracy: float, discordant: tuple[int, int] = (0, 0)) -> EvaluatedModel:
    """Return a model with an accuracy on 100 sampled rows, and a table on the whole split."""
    candidate_only, champion_only = discordant
    correct = np.arange(ROWS) < 1500 - candidate_only
    correct[1500 : 1500 + champion_only] = True
    hits = round(accuracy * 100)
    rows = (*range(hits), *range(ROWS - 100 + hits, ROWS))
    return EvaluatedModel(name, Path(), predictions(correct), rows)


def comparison(accuracy: float = 0.72, **changes) -> ModelComparison:
    """Return a candidate that is clearly better than champion and base model."""
    models = ModelComparison(
        model("the candidate", accuracy), BASE, (model("sentiment:old", 0.70, CLEAR),)
    )
    return replace(models, **changes)


def record(accuracy: float) -> ChampionRecord:
    """Return the record of a champion that is no longer available."""
    return ChampionRecord(accuracy, "2026-11-23", "sentiment:deleted", (), {})


BASE = model("starter", 0.60, CLEAR)


def test_a_better_candidate_is_promoted():
    found = apply_rule(comparison(), "better")

    reason = "better: accuracy 0.7200 against 0.7000 of sentiment:old (on the same rows)"
    assert Decision(True, reason) == found


@pytest.mark.parametrize(
    ("changes", "against"),
    [
        ({"accuracy": 0.70}, "0.7000 of sentiment:old (on the same rows)"),
        ({"accuracy": 0.69}, "0.7000 of sentiment:old (on the same rows)"),
        (
            {"base": model("starter", 0.75)},
            "0.7500 of the untouched base model starter (on the same rows)",
        ),
        (
            {"records_without_model": (record(0.75),)},
            "0.7500 of sentiment:deleted (as recorded, maybe on other rows",
        ),
        (  # equal to its recorded accuracy, which is rounded
            {"champions": (), "records_without_model": (record(0.7200001),)},
            "0.7200 of sentiment:deleted (as recorded",
        ),
    ],
)
def test_a_candidate_has_to_be_better_than_each_baseline(changes, against):
    found = apply_rule(comparison(**changes), "better")

    assert not found.promoted
    assert found.reason.startswith("not better: accuracy")
    assert f"against {against}" in found.reason


def test_without_a_champion_the_base_model_has_to_be_beaten():
    assert apply_rule(comparison(champions=()), "better").promoted


@pytest.mark.parametrize("discordant", [CLOSE, REVERSE])
def test_the_rule_better_requires_no_paired_test(discordant):
    champions = (model("sentiment:old", 0.70, discordant),)

    assert apply_rule(comparison(champions=champions), "better").promoted


@pytest.mark.parametrize(
    ("changes", "promoted", "reason"),
    [
        ({"records_without_model": (record(0.70),)}, True, "significantly better (p = 0.0000"),
        (
            {"champions": (model("sentiment:old", 0.70, CLOSE),)},
            False,
            "better, but not significantly (p = 0.4807, mid-p McNemar test on 2000 rows)",
        ),
        (
            {"champions": (model("sentiment:old", 0.70, REVERSE),)},
            False,
            "better, but worse on all of validation (p = 0.0000",
        ),
        (
            {"base": model("starter", 0.60, CLOSE)},
            False,
            "better, but not significantly (p = 0.4807, mid-p McNemar test on 2000 rows): accuracy "
            "0.7200 against 0.6000 of the untouched base model",
        ),
        (
            {"champions": (), "records_without_model": (record(0.70),)},
            False,
            "not shown to be better: accuracy 0.7200 against 0.7000 of sentiment:deleted (as "
            "recorded, maybe on other rows; its model is no longer available), but "
            "PROMOTION=significant requires both models",
        ),
    ],
)
def test_the_rule_significant_requires_that_every_paired_test_is(changes, promoted, reason):
    found = apply_rule(comparison(**changes), "significant")

    assert found.promoted is promoted
    assert found.reason.startswith(reason)


def equal_models(disagreement: float, count: int = 3, seed: int = 0) -> list[np.ndarray]:
    """Return which rows equally good models get right; any two differ on a share of them."""
    rng = np.random.default_rng(seed)
    core = rng.random(ROWS) < 0.7
    flipped = (1 - (1 - 2 * disagreement) ** 0.5) / 2
    return [core ^ (rng.random(ROWS) < flipped) for _ in range(count)]


@pytest.mark.parametrize("disagreement", [0.04, 0.08, 0.12])
def test_the_false_promotion_rate_of_equal_models_is_as_measured(disagreement):
    candidate, *baselines = equal_models(disagreement)

    found = false_promotion_rate(candidate, baselines, SAMPLED, "better", seed=1)

    # 43 to 46 % and 26 to 30 % in 20,000 runs of three models that were sampled for each
    assert 0.42 <= found.against_one <= 0.47
    assert 0.25 <= found.against_all <= 0.305
    assert (2, SAMPLED) == (found.baselines, found.rows)


@pytest.mark.parametrize("rule", ["better", "significant"])
def test_the_false_promotion_rate_is_that_of_the_rule(rule):
    rng = np.random.default_rng(0)
    correct = equal_models(0.1)
    expected = false_promotion_rate(correct[0], correct[1:], SAMPLED, rule, seed=1)
    promoted, runs = 0, 1_000

    for _ in range(runs):
        rows = rng.integers(ROWS, size=ROWS)
        shuffled = rng.permuted(np.array(correct)[:, rows], axis=0)
        candidate, champion, base = (
            EvaluatedModel("", Path(), predictions(one), tuple(range(SAMPLED))) for one in shuffled
        )
        promoted += apply_rule(ModelComparison(candidate, base, (champion,)), rule).promoted

    error = (expected.against_all * (1 - expected.against_all) / runs) ** 0.5
    assert abs(expected.against_all - promoted / runs) < 4 * error + 0.002


def test_the_rule_significant_keeps_the_false_promotion_rate_below_its_level():
    candidate, *baselines = equal_models(0.12)

    found = false_promotion_rate(candidate, baselines, SAMPLED, "significant", seed=1)

    assert found.against_all < found.against_one < 0.03


def test_models_that_never_disagree_are_never_promoted():
    correct = [True, False] * 100

    found = false_promotion_rate(correct, [correct], SAMPLED, "better", seed=1)

    assert (0, 0) == (found.against_all, found.against_one)


def test_a_champion_that_is_the_base_model_counts_once_and_the_rate_is_reproducible():
    models = comparison(champions=(replace(BASE, display_name="sentiment:old"),))

    first, again = (decide(models, "better", seed=3).false_promotion for _ in range(2))

    assert first == again
    assert 1 == first.baselines


@pytest.mark.parametrize(
    ("baselines", "text"),
    [
        (1, "both models were equally good, chance would promote in 27.0% of runs on 200 rows;"),
        (2, "all 3 models were equally good, .* 27.0% of runs on 200 rows .44.0% against one of"),
    ],
)
def test_the_false_promotion_rate_is_described(baselines, text):
    found = FalsePromotionRate(against_all=0.27, against_one=0.44, baselines=baselines, rows=200)

    assert re.search(text, str(found))
