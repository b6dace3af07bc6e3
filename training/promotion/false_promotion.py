"""How often chance alone would promote a candidate that is no better than its rivals."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import comb

import numpy as np
from scipy.stats import binom

from training.evaluation.mcnemar import CONFIDENCE_LEVEL
from training.settings import Rule

DRAWS = 20_000
"""Runs that are simulated: the rate then has a standard error of 0.35 points at most."""


@dataclass(frozen=True)
class FalsePromotion:
    """How often a run would promote if all models were equally good, each rate in 0..1.

    ``against_all`` is against all ``rivals``, ``against_one`` against the champion alone, which is
    the nearer one if the others are clearly worse. ``rows`` are the evaluation rows of a run.
    """

    against_all: float
    against_one: float
    rivals: int
    rows: int

    def __str__(self) -> str:
        if self.rivals == 1:
            told = f"Were both models equally good, chance alone would promote in {_percent(self)}"
        else:
            told = (
                f"Were all {self.rivals + 1} models equally good, chance alone would promote in "
                f"{_percent(self)} ({self.against_one:.1%} against one of them alone)"
            )
        return f"{told}; estimated from the rows on which the models of this run disagree."


def false_promotion(
    candidate: Sequence[bool], rivals: Sequence[Sequence[bool]], rows: int, rule: Rule, seed: int
) -> FalsePromotion:
    """Simulate runs in which the candidate is as good as its rivals, the champion the first.

    ``candidate`` and ``rivals`` say of the same rows of validation whether each model was right;
    a run decides on ``rows`` of them. The same input gives the same rates.

    If the models are equally good, it is chance which of them is right where not all are
    (exchangeability, the null hypothesis of permutation tests: Good 2005). So each of
    ``DRAWS`` runs draws its rows from those observed and, for each, which models are right.
    """
    chance = np.random.default_rng(seed)
    seen = np.array([candidate, *rivals], dtype=bool).T
    return FalsePromotion(
        against_all=_rate(seen, rows, rule, chance),
        against_one=_rate(seen[:, :2], rows, rule, chance),
        rivals=len(rivals),
        rows=rows,
    )


def _rate(seen: np.ndarray, rows: int, rule: Rule, chance: np.random.Generator) -> float:
    """Return the share of simulated runs that promote; ``seen`` is [rows, models]."""
    models = seen.shape[1]
    shares = np.bincount(seen.sum(axis=1), minlength=models + 1) / len(seen)
    patterns = np.array(list(product([False, True], repeat=models)))
    sizes = patterns.sum(axis=1)
    probabilities = [shares[size] / comb(models, size) for size in sizes]
    drawn = chance.multinomial(rows, probabilities, size=DRAWS)
    right = drawn @ patterns
    promoted = (right[:, :1] > right[:, 1:]).all(axis=1)
    if rule == "significant":
        others = chance.multinomial(len(seen) - rows, probabilities, size=DRAWS)
        promoted &= _significant(drawn + others, patterns)
    return float(promoted.mean())


def _significant(counts: np.ndarray, patterns: np.ndarray) -> np.ndarray:
    """Return for each run whether the mid-p McNemar test finds the candidate better than each."""
    won = counts @ (patterns[:, :1] & ~patterns[:, 1:])
    lost = counts @ (~patterns[:, :1] & patterns[:, 1:])
    tosses = binom(won + lost, 0.5)
    p_value = 2 * tosses.cdf(lost - 1) + tosses.pmf(lost)  # where the candidate won more
    return ((won > lost) & (p_value < 1 - CONFIDENCE_LEVEL)).all(axis=1)


def _percent(rate: FalsePromotion) -> str:
    return f"{rate.against_all:.1%} of runs on {rate.rows:,} rows"
