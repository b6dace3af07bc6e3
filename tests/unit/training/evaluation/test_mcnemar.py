"""McNemar's test compares two classifiers on the same rows."""

from itertools import product

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only if the training group is installed
from training.evaluation.mcnemar import McNemarResult, mcnemar_test
from training.evaluation.metrics import RowCountError


def test_rows_are_counted_by_which_classifier_is_correct():
    candidate = [True, True, True, False, False, True]
    champion = [True, False, False, True, False, True]

    found = mcnemar_test(candidate, champion)

    assert McNemarResult(both=2, candidate_only=2, champion_only=1, neither=1) == found
    assert 6 == found.rows
    assert pytest.approx(1 / 6) == found.difference


def test_the_p_value_is_that_of_fair_coins():
    gained, lost = 7, 3
    falls = [sum(coins) for coins in product((0, 1), repeat=gained + lost)]
    expected = 2 * sum((fall > gained) + 0.5 * (fall == gained) for fall in falls) / len(falls)

    found = McNemarResult(both=50, candidate_only=gained, champion_only=lost, neither=20)

    reverse = McNemarResult(both=50, candidate_only=lost, champion_only=gained, neither=20)
    assert pytest.approx(expected) == found.p_value == reverse.p_value


@pytest.mark.parametrize("differing", [0, 1, 20])
def test_equal_discordant_counts_are_not_significant(differing):
    found = McNemarResult(both=5, candidate_only=differing, champion_only=differing, neither=5)

    assert pytest.approx(1) == found.p_value
    assert not found.is_significant


@pytest.mark.parametrize(("gained", "lost"), [(12, 30), (30, 12), (18, 28), (28, 18)])
def test_test_and_interval_agree_on_what_is_significant(gained, lost):
    found = McNemarResult(both=140, candidate_only=gained, champion_only=lost, neither=18)
    low, high = found.interval

    assert found.is_significant is (low > 0 or high < 0)


def test_the_p_value_agrees_with_a_published_one():
    # Fagerland et al. 2013, table 5: airway hyper-responsiveness, 1 against 7 of 21 children;
    # mid-p value 0.039
    found = McNemarResult(both=1, candidate_only=7, champion_only=1, neither=12)

    assert pytest.approx(0.039, abs=0.0005) == found.p_value


def test_the_interval_holds_the_true_difference_19_times_in_20():
    chance = np.random.default_rng(0)
    shares, samples = [0.66, 0.08, 0.05, 0.21], 4000  # the candidate is 3 points better

    bounds = [
        McNemarResult(*map(int, counts)).interval
        for counts in chance.multinomial(200, shares, samples)
    ]

    held = sum(low <= 0.03 <= high for low, high in bounds) / samples
    assert pytest.approx(0.95, abs=0.01) == held


def test_the_interval_is_clipped_to_possible_differences():
    low, high = McNemarResult(both=0, candidate_only=1, champion_only=0, neither=0).interval

    assert -1 <= low <= high <= 1


@pytest.mark.parametrize(("candidate", "champion"), [([], []), ([True], [True, False])])
def test_lists_of_different_rows_are_refused(candidate, champion):
    with pytest.raises(RowCountError, match=f"lists of {len(candidate)} and"):
        mcnemar_test(candidate, champion)


def test_table_difference_interval_and_p_value_are_written():
    result = McNemarResult(both=1400, candidate_only=140, champion_only=80, neither=380)

    found = result.to_dict()

    table = ("both", "candidate_only", "champion_only", "neither", "rows")
    assert (1400, 140, 80, 380, 2000) == tuple(found[name] for name in table)
    assert 0.03 == found["difference"]
    low, high = found["confidence_interval"]
    assert 0.01 < low < 0.03 < high < 0.05
    assert found["p_value"] < 0.0001
