"""Decide whether a candidate takes the champion's place."""

from collections.abc import Sequence
from dataclasses import dataclass

from training.evaluation.mcnemar import McNemarResult
from training.promotion.champion_record import DIGITS
from training.promotion.false_promotion import FalsePromotion
from training.settings import Rule


@dataclass(frozen=True)
class Decision:
    """Whether the candidate is promoted, and in words why.

    ``false_promotion`` is how often such a run would promote by chance alone.
    """

    promoted: bool
    reason: str
    false_promotion: FalsePromotion | None = None


@dataclass(frozen=True)
class Rival:
    """Hold what a candidate has to beat: its name for people and its accuracy, in 0..1.

    ``test`` pairs it with the candidate on all rows of validation. Without one, the accuracy is all
    that is left of it, and was measured on rows that may be others.
    """

    name: str
    accuracy: float
    test: McNemarResult | None = None


def decide(accuracy: float, rivals: Sequence[Rival], rule: Rule) -> Decision:
    """Promote a candidate that beats all rivals, of which the champion is the first.

    Strictly: equally good is no improvement. The rule ``significant`` asks on top that the champion
    could be judged, and that each paired test finds less than 5 % for chance. To ask that of all of
    them makes no false promotion more likely, so that 5 % is what it is (Berger 1982).
    """
    for rival in rivals:
        if round(accuracy, DIGITS) <= round(rival.accuracy, DIGITS):  # as it may be recorded
            return Decision(False, f"not better: {_against(accuracy, rival)}")
    champion = rivals[0]
    told = _against(accuracy, champion)
    if rule == "better":
        return Decision(True, f"better: {told}")
    if champion.test is None:
        return Decision(
            False,
            f"not shown to be better: {told}, but PROMOTION=significant wants both models judged "
            "on the same rows",
        )
    for rival in rivals:
        if rival.test is None or (rival.test.is_significant and rival.test.difference > 0):
            continue
        how = "not significantly" if rival.test.difference >= 0 else "worse on all of validation"
        return Decision(
            False, f"better, but {how} ({_chance(rival.test)}): {_against(accuracy, rival)}"
        )
    return Decision(True, f"significantly better ({_chance(champion.test)}): {told}")


def _chance(test: McNemarResult) -> str:
    return f"p = {test.p_value:.4f}, mid-p McNemar test on {test.rows} rows"


def _against(accuracy: float, rival: Rival) -> str:
    where = "on the same rows"
    if rival.test is None:
        where = "as recorded, on rows that may be others; its model is not to be had"
    return f"accuracy {accuracy:.4f} against {rival.accuracy:.4f} of {rival.name} ({where})"
