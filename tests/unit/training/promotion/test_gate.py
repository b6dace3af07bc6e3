"""Whether a candidate takes the champion's place."""

from dataclasses import replace

import pytest

pytest.importorskip("scipy", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only where the training group is installed
from training.evaluation.mcnemar import McNemarResult
from training.promotion.gate import Decision, Rival, decide

CLOSE = McNemarResult(both=1400, candidate_only=105, champion_only=95, neither=400)
CLEAR = McNemarResult(both=1400, candidate_only=140, champion_only=80, neither=380)
REVERSE = McNemarResult(both=1400, candidate_only=80, champion_only=140, neither=380)
CHAMPION = Rival("sentiment:old", 0.70, CLEAR)
BASE = Rival("the base model", 0.60, CLEAR)
LOST = Rival("sentiment:lost", 0.70)


def test_a_better_candidate_is_promoted():
    found = decide(0.72, [CHAMPION, BASE], "better")

    told = "better: accuracy 0.7200 against 0.7000 of sentiment:old (on the same rows)"
    assert Decision(True, told) == found


@pytest.mark.parametrize("accuracy", [0.70, 0.70 + 1e-12, 0.69])
def test_equally_good_is_no_improvement(accuracy):
    found = decide(accuracy, [CHAMPION, BASE], "better")

    assert not found.promoted
    assert found.reason.startswith("not better: accuracy")
    assert found.reason.endswith("against 0.7000 of sentiment:old (on the same rows)")


def test_a_recorded_share_is_equal_to_the_one_that_was_rounded():
    assert not decide(214 / 300, [Rival("old", 0.713333, CLEAR), BASE], "better").promoted


def test_a_candidate_that_the_untouched_model_beats_is_not_promoted():
    found = decide(0.58, [Rival("sentiment:old", 0.50, CLEAR), BASE], "better")

    assert not found.promoted
    assert "against 0.6000 of the base model" in found.reason


def test_the_base_model_may_be_the_champion():
    assert decide(0.61, [BASE], "better").promoted


def test_a_recorded_accuracy_is_compared_with_and_said_to_be_one():
    found = decide(0.72, [LOST, BASE], "better")

    assert found.promoted
    assert "of sentiment:lost (as recorded, on rows that may be others" in found.reason


def test_a_lost_champion_has_to_be_beaten_beside_the_present_one():
    better = Rival("sentiment:deleted", 0.75)

    found = decide(0.72, [CHAMPION, better, BASE], "better")

    assert not found.promoted
    assert "against 0.7500 of sentiment:deleted (as recorded" in found.reason


@pytest.mark.parametrize("test", [CLOSE, REVERSE])
def test_the_usual_rule_asks_for_no_test(test):
    assert decide(0.72, [replace(CHAMPION, test=test), BASE], "better").promoted


def test_the_strict_rule_refuses_what_may_be_chance():
    found = decide(0.72, [replace(CHAMPION, test=CLOSE), BASE], "significant")

    assert not found.promoted
    assert found.reason.startswith("better, but not significantly (p = 0.4807")
    assert "on 2000 rows" in found.reason


def test_the_strict_rule_promotes_what_is_hardly_chance():
    found = decide(0.72, [CHAMPION, LOST, BASE], "significant")

    assert found.promoted
    assert found.reason.startswith("significantly better (p = 0.0000")


def test_the_strict_rule_refuses_who_is_worse_on_the_whole_split():
    found = decide(0.72, [replace(CHAMPION, test=REVERSE), BASE], "significant")

    assert not found.promoted
    assert found.reason.startswith("better, but worse on all of validation (p = 0.0000")


def test_the_strict_rule_wants_all_models_beaten_beside_the_champion():
    found = decide(0.72, [CHAMPION, replace(BASE, test=CLOSE)], "significant")

    assert not found.promoted
    assert found.reason.startswith("better, but not significantly (p = 0.4807")
    assert "0.6000 of the base model" in found.reason


def test_the_strict_rule_wants_the_champions_model():
    found = decide(0.72, [LOST, BASE], "significant")

    assert not found.promoted
    assert "PROMOTION=significant" in found.reason
