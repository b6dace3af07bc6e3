"""McNemar's test: whether one of two classifiers is better on the same rows."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.stats import binom, norm

from training.evaluation.metrics import check_row_counts

CONFIDENCE_LEVEL = 0.95


@dataclass(frozen=True)
class McNemarResult:
    """How many rows candidate and champion predicted correctly: the cells of the 2 by 2 table."""

    both: int
    candidate_only: int
    champion_only: int
    neither: int

    @property
    def rows(self) -> int:
        """Return the number of rows."""
        return self.both + self.candidate_only + self.champion_only + self.neither

    @property
    def difference(self) -> float:
        """Return the candidate's accuracy minus the champion's, in -1..1."""
        return (self.candidate_only - self.champion_only) / self.rows

    @property
    def p_value(self) -> float:
        """Return the two-sided mid-p value, in 0..1."""
        return float(mid_p_value(self.candidate_only, self.champion_only))

    @property
    def is_significant(self) -> bool:
        """Return whether the difference, in either direction, is significant."""
        return self.p_value < 1 - CONFIDENCE_LEVEL

    @property
    def interval(self) -> tuple[float, float]:
        """Return the bounds of the difference's 95 % confidence interval.

        Wald's interval with Laplace's adjustment (Bonett and Price 2012), which keeps its level
        even if few rows differ.
        """
        gained = (self.candidate_only + 1) / (self.rows + 2)
        lost = (self.champion_only + 1) / (self.rows + 2)
        error = ((gained + lost - (gained - lost) ** 2) / (self.rows + 2)) ** 0.5
        margin = float(norm.ppf((1 + CONFIDENCE_LEVEL) / 2)) * error
        return max(-1.0, gained - lost - margin), min(1.0, gained - lost + margin)

    def to_dict(self) -> dict[str, Any]:
        """Return the table, the difference and its significance as JSON."""
        return asdict(self) | {
            "rows": self.rows,
            "difference": round(self.difference, 6),
            "confidence_interval": [round(bound, 6) for bound in self.interval],
            "confidence_level": CONFIDENCE_LEVEL,
            "p_value": float(f"{self.p_value:.3g}"),
            "test": "McNemar, mid-p, two-sided",
        }


def mid_p_value(candidate_only: int | np.ndarray, champion_only: int | np.ndarray) -> np.ndarray:
    """Return the two-sided mid-p value of McNemar's test, in 0..1, for each pair of counts.

    If both classifiers are equally good, each discordant row favors either with probability 1/2.
    The p value is twice the probability that the smaller count is this small, with half of the
    observed count's own probability (Fagerland, Lydersen and Laake 2013).
    """
    min_discordant = np.minimum(candidate_only, champion_only)
    discordant = binom(np.add(candidate_only, champion_only), 0.5)
    p_value: np.ndarray = 2 * discordant.cdf(min_discordant - 1) + discordant.pmf(min_discordant)
    return p_value


def mcnemar_test(candidate: Sequence[bool], champion: Sequence[bool]) -> McNemarResult:
    """Count the rows by which of the two predicted them correctly. Raises RowCountError."""
    check_row_counts(candidate, champion)
    pairs = [(bool(one), bool(other)) for one, other in zip(candidate, champion)]
    return McNemarResult(
        both=pairs.count((True, True)),
        candidate_only=pairs.count((True, False)),
        champion_only=pairs.count((False, True)),
        neither=pairs.count((False, False)),
    )
