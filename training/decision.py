"""Decide whether a candidate takes the champion's place."""

from collections.abc import Sequence
from dataclasses import dataclass

from training.mcnemar import PairedTest
from training.records import DIGITS
from training.settings import Rule


@dataclass(frozen=True)
class Decision:
    """Hold whether the candidate is promoted, and in words why."""

    improved: bool
    reason: str


@dataclass(frozen=True)
class Rival:
    """Hold what a candidate has to beat: its name for people and its accuracy, in 0..1.

    ``is_recorded`` tells that this is all that is left of it, measured on rows that may be others.
    """

    name: str
    accuracy: float
    is_recorded: bool = False


def decide(
    accuracy: float, rivals: Sequence[Rival], test: PairedTest | None, rule: Rule
) -> Decision:
    """Promote a candidate that beats all rivals, of which the champion is the first.

    Strictly: equally good is no improvement. The rule ``significant`` asks on top that the
    paired test with the champion, None where it cannot be made, finds less than 5 % for chance.
    """
    for rival in rivals:
        if round(accuracy, DIGITS) <= round(rival.accuracy, DIGITS):  # as it may be recorded
            return Decision(False, f"not better: {_against(accuracy, rival)}")
    told = _against(accuracy, rivals[0])
    if rule == "better":
        return Decision(True, f"better: {told}")
    if test is None:
        return Decision(
            False,
            f"not shown to be better: {told}, but PROMOTION=significant wants both models judged "
            "on the same rows",
        )
    chance = f"p = {test.p_value:.4f}, mid-p McNemar test on {test.rows} rows"
    if not test.is_significant or test.difference < 0:
        return Decision(False, f"better, but not significantly ({chance}): {told}")
    return Decision(True, f"significantly better ({chance}): {told}")


def _against(accuracy: float, rival: Rival) -> str:
    where = "on the same rows"
    if rival.is_recorded:
        where = "as recorded, on rows that may be others; its model is not to be had"
    return f"accuracy {accuracy:.4f} against {rival.accuracy:.4f} of {rival.name} ({where})"
