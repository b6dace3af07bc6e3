"""Judge models in the form in which they are or would be served, all on the same rows."""

from dataclasses import dataclass
from pathlib import Path

from training.base_model import BaseModel
from training.decision import Decision, Rival, decide
from training.mcnemar import PairedTest, paired_test
from training.precision import Choice, export_proven
from training.records import Best
from training.report import Judged, Recorded
from training.sampling import Sample
from training.scoring import Scores, score
from training.settings import Rule


@dataclass(frozen=True)
class Contender:
    """Hold a model's folder, and what it said of the whole split validation."""

    name: str
    folder: Path
    scores: Scores

    def judged(self, sample: Sample) -> Judged:
        """Return how good it is on the evaluation rows."""
        return Judged(self.name, self.scores.rows(sample.evaluation_rows), None)


@dataclass(frozen=True)
class Exported(Contender):
    """Hold a model that this run has exported, and the precision that it chose for it."""

    choice: Choice

    def judged(self, sample: Sample) -> Judged:
        """Return how good it is on the evaluation rows, and in which precision."""
        return Judged(self.name, self.scores.rows(sample.evaluation_rows), self.choice)


@dataclass(frozen=True)
class Titleholder(Contender):
    """Hold a champion, with what was written of its promotion, if anything."""

    records: tuple[Best, ...]


@dataclass(frozen=True)
class Contest:
    """Hold all whom the candidate has to beat.

    ``champion`` is None where no champion's model was to be had. ``lost`` are the records, the
    newest first, that are all that is left of a champion.
    """

    candidate: Exported
    base: Exported
    champion: Titleholder | None
    lost: tuple[Best, ...]

    def judged_champion(self, sample: Sample) -> Judged | Recorded | None:
        """Return how good the champion is: None where there is none but the base model."""
        if self.champion is not None:
            return self.champion.judged(sample)
        return next((Recorded(one.name, one.accuracy) for one in self.lost), None)

    def test(self) -> PairedTest | None:
        """Compare the candidate with the champion, or else the base, on the whole split."""
        if self.champion is None and self.lost:
            return None
        rival = self.champion or self.base
        return paired_test(self.candidate.scores.right, rival.scores.right)

    def decide(self, sample: Sample, rule: Rule) -> Decision:
        """Decide whether the candidate takes the champion's place."""
        base = self.base.judged(sample)
        rivals = [Rival(one.name, one.accuracy, is_recorded=True) for one in self.lost]
        if self.champion is not None:
            rivals.insert(0, Rival(self.champion.name, self.champion.judged(sample).accuracy))
        rivals.append(Rival(f"the untouched base model {base.name}", base.accuracy))
        return decide(self.candidate.judged(sample).accuracy, rivals, self.test(), rule)


def enter(base: BaseModel, name: str, folder: Path, sample: Sample) -> Exported:
    """Export a model into ``folder`` as it would be served, and let it judge the whole split."""
    choice = export_proven(base, folder, sample.train, sample.evaluation)
    return Exported(name, folder, score(folder, sample.validation, name), choice)
