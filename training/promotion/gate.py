"""The promotion gate: whether a candidate replaces the champion, and how sure that is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import comb

import numpy as np

from training.evaluation.mcnemar import CONFIDENCE_LEVEL, McNemarResult, mid_p_value
from training.evaluation.prediction import DIGITS
from training.promotion.champion_record import ChampionRecord
from training.promotion.comparison import Baseline, ModelComparison
from training.settings import PromotionRule

SIMULATED_RUNS = 20_000
"""The simulated rate then has a standard error of 0.35 points or less."""


@dataclass(frozen=True)
class FalsePromotionRate:
    """The share of runs, in 0..1, that would promote if all models were equally good.

    ``against_all`` is for all ``baselines``, ``against_one`` for the champion alone, which is
    closer if the others are clearly worse. ``rows`` is the number of rows that a run evaluates.
    """

    against_all: float
    against_one: float
    baselines: int
    rows: int

    def __str__(self) -> str:
        rate = f"{self.against_all:.1%} of runs on {self.rows:,} rows"
        if self.baselines == 1:
            text = f"If both models were equally good, chance would promote in {rate}"
        else:
            text = (
                f"If all {self.baselines + 1} models were equally good, chance would promote in "
                f"{rate} ({self.against_one:.1%} against one of them alone)"
            )
        return f"{text}; estimated from the rows on which the models of this run disagree."


@dataclass(frozen=True)
class Decision:
    """Whether the candidate is promoted, why, and how often chance alone would promote it."""

    promoted: bool
    reason: str
    false_promotion: FalsePromotionRate | None = None


def decide(models: ModelComparison, rule: PromotionRule, seed: int) -> Decision:
    """Decide whether the candidate replaces the champion; the seed is that of the simulation."""
    correct = [one.validation.correct for one in (*models.champions, models.base)]
    distinct = list(dict.fromkeys(map(tuple, correct)))  # the champion may be the base model
    rate = false_promotion_rate(
        models.candidate.validation.correct,
        distinct,
        len(models.candidate.evaluation_indices),
        rule,
        seed,
    )
    return replace(apply_rule(models, rule), false_promotion=rate)


def apply_rule(models: ModelComparison, rule: PromotionRule) -> Decision:
    """Promote a candidate that beats all baselines; equally good is not better.

    The rule ``significant`` also requires that the champion is available, and that every paired
    test has p < 0.05. Requiring that of all of them keeps the error rate at 5 % (Berger 1982).
    """
    accuracy = round(models.candidate.accuracy, DIGITS)  # as it is recorded
    for baseline in models.baselines:
        if accuracy <= round(baseline.accuracy, DIGITS):
            return Decision(False, f"not better: {_against(models, baseline)}")
    against_champion = _against(models, models.baselines[0])
    if rule == "better":
        return Decision(True, f"better: {against_champion}")
    if models.mcnemar is None:
        return Decision(
            False,
            f"not shown to be better: {against_champion}, but PROMOTION=significant requires "
            "both models on the same rows",
        )
    for model in (*models.champions, models.base):
        test = models.candidate.compare(model)
        if test.is_significant and test.difference > 0:
            continue
        how = "not significantly" if test.difference >= 0 else "worse on all of validation"
        return Decision(
            False, f"better, but {how} ({_format_p_value(test)}): {_against(models, model)}"
        )
    return Decision(
        True, f"significantly better ({_format_p_value(models.mcnemar)}): {against_champion}"
    )


def false_promotion_rate(
    candidate: Sequence[bool],
    baselines: Sequence[Sequence[bool]],
    rows: int,
    rule: PromotionRule,
    seed: int,
) -> FalsePromotionRate:
    """Simulate runs in which the candidate is as good as its baselines, the champion first.

    ``candidate`` and ``baselines`` hold for the same rows of validation whether each model is
    correct; a run evaluates ``rows`` of them. The same input gives the same rates.

    If the models are equally good, it is random which of them are correct on a row
    (exchangeability, the null hypothesis of permutation tests: Good 2005). So each simulated run
    samples rows from those observed and, for each, which models are correct.
    """
    rng = np.random.default_rng(seed)
    correct = np.array([candidate, *baselines], dtype=bool).T
    return FalsePromotionRate(
        against_all=_simulate(correct, rows, rule, rng),
        against_one=_simulate(correct[:, :2], rows, rule, rng),
        baselines=len(baselines),
        rows=rows,
    )


def _simulate(
    correct: np.ndarray, rows: int, rule: PromotionRule, rng: np.random.Generator
) -> float:
    """Return the share of simulated runs that promote; ``correct`` is [rows, models]."""
    models = correct.shape[1]
    shares = np.bincount(correct.sum(axis=1), minlength=models + 1) / len(correct)
    patterns = np.array(list(product([False, True], repeat=models)))
    probabilities = [shares[size] / comb(models, size) for size in patterns.sum(axis=1)]
    sampled = rng.multinomial(rows, probabilities, size=SIMULATED_RUNS)
    hits = sampled @ patterns
    promoted = (hits[:, :1] > hits[:, 1:]).all(axis=1)
    if rule == "significant":
        others = rng.multinomial(len(correct) - rows, probabilities, size=SIMULATED_RUNS)
        promoted &= _is_significantly_better(sampled + others, patterns)
    return float(promoted.mean())


def _is_significantly_better(counts: np.ndarray, patterns: np.ndarray) -> np.ndarray:
    """Return for each simulated run whether the candidate is better than each baseline."""
    candidate_only = counts @ (patterns[:, :1] & ~patterns[:, 1:])
    baseline_only = counts @ (~patterns[:, :1] & patterns[:, 1:])
    p_value = mid_p_value(candidate_only, baseline_only)
    is_better = (candidate_only > baseline_only) & (p_value < 1 - CONFIDENCE_LEVEL)
    better_than_all: np.ndarray = is_better.all(axis=1)
    return better_than_all


def _format_p_value(test: McNemarResult) -> str:
    return f"p = {test.p_value:.4f}, mid-p McNemar test on {test.rows} rows"


def _against(models: ModelComparison, baseline: Baseline) -> str:
    name, where = baseline.display_name, "on the same rows"
    if isinstance(baseline, ChampionRecord):
        where = "as recorded, maybe on other rows; its model is no longer available"
    elif baseline is models.base:
        name = f"the untouched base model {name}"
    return (
        f"accuracy {models.candidate.accuracy:.4f} against {baseline.accuracy:.4f} of {name} "
        f"({where})"
    )
