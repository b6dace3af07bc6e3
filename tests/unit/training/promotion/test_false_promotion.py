"""How often chance alone would promote."""

import re

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only where the training group is installed
from training.evaluation.mcnemar import mcnemar_test
from training.promotion.false_promotion import FalsePromotion, false_promotion
from training.promotion.gate import Rival, decide

ROWS, DRAWN = 2_000, 200


def equal_models(disagreement: float, count: int = 3, seed: int = 0) -> list[np.ndarray]:
    """Return which rows equally good models get right; any two differ on a share of them."""
    chance = np.random.default_rng(seed)
    core = chance.random(ROWS) < 0.7
    flipped = (1 - (1 - 2 * disagreement) ** 0.5) / 2
    return [core ^ (chance.random(ROWS) < flipped) for _ in range(count)]


@pytest.mark.parametrize("disagreement", [0.04, 0.08, 0.12])
def test_of_equal_models_better_promotes_as_often_as_was_measured(disagreement):
    candidate, *rivals = equal_models(disagreement)

    found = false_promotion(candidate, rivals, DRAWN, "better", seed=1)

    # 43 to 46 % and 26 to 30 % in 20,000 runs of three models that were drawn anew in each
    assert 0.42 <= found.against_one <= 0.47
    assert 0.25 <= found.against_all <= 0.305
    assert (2, DRAWN) == (found.rivals, found.rows)


@pytest.mark.parametrize("rule", ["better", "significant"])
def test_it_is_the_rate_of_the_decision_itself(rule):
    chance = np.random.default_rng(0)
    models = equal_models(0.1)
    expected = false_promotion(models[0], models[1:], DRAWN, rule, seed=1)
    promoted, runs = 0, 1_000

    for _ in range(runs):
        rows = chance.integers(ROWS, size=ROWS)
        right = chance.permuted(np.array(models)[:, rows], axis=0)
        accuracies = right[:, :DRAWN].mean(axis=1)
        tests = [mcnemar_test(right[0].tolist(), one.tolist()) for one in right[1:]]
        rivals = [Rival("", *facts) for facts in zip(accuracies[1:], tests)]
        promoted += decide(accuracies[0], rivals, rule).promoted

    error = (expected.against_all * (1 - expected.against_all) / runs) ** 0.5
    assert abs(expected.against_all - promoted / runs) < 4 * error + 0.002


def test_the_significant_rule_keeps_chance_below_its_level():
    candidate, *rivals = equal_models(0.12)

    found = false_promotion(candidate, rivals, DRAWN, "significant", seed=1)

    assert found.against_all < found.against_one < 0.03


def test_models_that_never_disagree_are_never_promoted():
    right = [True, False] * 100

    found = false_promotion(right, [right], DRAWN, "better", seed=1)

    assert (0, 0) == (found.against_all, found.against_one)


def test_the_same_predictions_give_the_same_rate():
    candidate, *rivals = equal_models(0.1)

    first, again = (false_promotion(candidate, rivals, DRAWN, "better", seed=3) for _ in range(2))

    assert first == again


@pytest.mark.parametrize(
    ("rivals", "told"),
    [
        (1, "both models equally good, chance alone would promote in 27.0% of runs on 200 rows;"),
        (2, "all 3 models equally good, .* 27.0% of runs on 200 rows .44.0% against one of them"),
    ],
)
def test_it_is_told_in_words(rivals, told):
    found = FalsePromotion(against_all=0.27, against_one=0.44, rivals=rivals, rows=200)

    assert re.search(told, str(found))
