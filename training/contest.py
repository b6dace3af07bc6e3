"""Judge models in the form in which they are or would be served, all on the same rows."""

from dataclasses import dataclass
from pathlib import Path

from training.base_model import BaseModel
from training.decision import Decision, Rival, decide
from training.mcnemar import PairedTest, paired_test
from training.precision import Choice, export_proven
from training.records import Best
from training.report import Judged
from training.sampling import Sample
from training.scoring import Scores, score
from training.settings import Rule


@dataclass(frozen=True)
class Contender:
    """Hold a model's folder, and what it said of the whole split validation.

    ``choice`` is the precision that this run chose for it, None where it chose none.
    """

    name: str
    folder: Path
    scores: Scores
    choice: Choice | None

    def judged(self, sample: Sample) -> Judged:
        """Return how good it is on the evaluation rows."""
        scores = self.scores.rows(sample.evaluation_rows)
        return Judged(self.name, scores.accuracy, scores, self.choice)


@dataclass(frozen=True)
class Contest:
    """Hold all whom the candidate has to beat.

    ``champion`` is None where no champion's model was to be had; then ``record`` is what was
    written of one, None where there never was one.
    """

    candidate: Contender
    base: Contender
    champion: Contender | None
    record: Best | None

    def judged_champion(self, sample: Sample) -> Judged | None:
        """Return how good the champion is: None where there is none but the base model."""
        if self.champion is not None:
            return self.champion.judged(sample)
        if self.record is not None:
            return Judged(self.record.name, self.record.accuracy, None, None)
        return None

    def test(self) -> PairedTest | None:
        """Compare the candidate with the champion, or else the base, on the whole split."""
        if self.champion is None and self.record is not None:
            return None
        rival = self.champion or self.base
        return paired_test(self.candidate.scores.right, rival.scores.right)

    def decide(self, sample: Sample, rule: Rule) -> Decision:
        """Decide whether the candidate takes the champion's place."""
        base, champion = self.base.judged(sample), self.judged_champion(sample)
        untouched = Rival(f"the untouched base model {base.name}", base.accuracy)
        holder = untouched
        if champion is not None:
            holder = Rival(champion.name, champion.accuracy, is_recorded=champion.scores is None)
        accuracy = self.candidate.judged(sample).accuracy
        return decide(accuracy, holder, untouched, self.test(), rule)


def enter(base: BaseModel, name: str, folder: Path, sample: Sample) -> Contender:
    """Export a model into ``folder`` as it would be served, and let it judge the whole split."""
    choice = export_proven(base, folder, sample.train, sample.evaluation)
    return Contender(name, folder, score(folder, sample.validation, name), choice)


def enter_served(name: str, folder: Path, sample: Sample) -> Contender:
    """Let a model that has been exported before judge the whole split.

    Raises ModelFolderError or LabelsError where it cannot.
    """
    return Contender(name, folder, score(folder, sample.validation, name), None)
