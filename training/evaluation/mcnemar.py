"""Compare two classifiers on the same rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import binom, norm

CONFIDENCE_LEVEL = 0.95


@dataclass(frozen=True)
class McNemarResult:
    """Hold how often two classifiers, of which one may be better, were right on the same rows.

    The four counts are the cells of the 2 by 2 table: both were right, only the candidate, only the
    champion, or neither.
    """

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
        """Return the candidate's accuracy less the champion's, in -1..1."""
        return (self.candidate_only - self.champion_only) / self.rows

    @property
    def p_value(self) -> float:
        """Return the two-sided mid-p value of McNemar's test, in 0..1.

        Were both equally good, the rows on which just one is right would fall to either like
        tosses of a coin; this is twice the chance of at most so few for the one that has fewer,
        the observed number itself counted half (Fagerland, Lydersen and Laake 2013).
        """
        fewer = min(self.candidate_only, self.champion_only)
        tosses = binom(self.candidate_only + self.champion_only, 0.5)
        return float(2 * tosses.cdf(fewer - 1) + tosses.pmf(fewer))

    @property
    def is_significant(self) -> bool:
        """Tell whether the difference, in either direction, is more than chance explains."""
        return self.p_value < 1 - CONFIDENCE_LEVEL

    @property
    def interval(self) -> tuple[float, float]:
        """Return the bounds of the difference's 95 % confidence interval.

        Wald's interval with Laplace's adjustment (Bonett and Price 2012), which keeps its level
        also where few rows differ.
        """
        gained = (self.candidate_only + 1) / (self.rows + 2)
        lost = (self.champion_only + 1) / (self.rows + 2)
        spread = ((gained + lost - (gained - lost) ** 2) / (self.rows + 2)) ** 0.5
        reach = float(norm.ppf((1 + CONFIDENCE_LEVEL) / 2)) * spread
        return max(-1.0, gained - lost - reach), min(1.0, gained - lost + reach)


class PairingError(ValueError):
    """Tell that the rows of two classifiers are not the same."""

    def __init__(self, candidate: int, champion: int) -> None:
        super().__init__(
            f"{candidate} verdicts on the candidate and {champion} on the champion cannot be "
            "paired: give one of each for every row, and at least one row"
        )


def mcnemar_test(candidate: Sequence[bool], champion: Sequence[bool]) -> McNemarResult:
    """Count, row by row, whether each of the two was right.

    Raises PairingError where the two differ in length or are empty.
    """
    if len(candidate) != len(champion) or not candidate:
        raise PairingError(len(candidate), len(champion))
    pairs = [(bool(one), bool(other)) for one, other in zip(candidate, champion)]
    return McNemarResult(
        both=pairs.count((True, True)),
        candidate_only=pairs.count((True, False)),
        champion_only=pairs.count((False, True)),
        neither=pairs.count((False, False)),
    )
