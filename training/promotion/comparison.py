"""Judge models in the form in which they are or would be served, all on the same rows."""

import logging
from dataclasses import dataclass, replace
from pathlib import Path

from inference.classifier import Classifier
from training.data.sampling import SampledSplits
from training.evaluation.mcnemar import McNemarResult, mcnemar_test
from training.evaluation.prediction import PredictionError, Predictions, predict
from training.export.precision_selection import SelectedPrecision, export_best_precision
from training.finetuning.pretrained import LoadedModel
from training.promotion.champion_record import ChampionRecord
from training.promotion.false_promotion import FalsePromotion, false_promotion
from training.promotion.gate import Decision, Rival, decide
from training.reporting.report import Judged, Recorded
from training.settings import Rule

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Contender:
    """Hold a model's folder, and what it said of the whole split validation."""

    name: str
    folder: Path
    scores: Predictions

    def judged(self, sample: SampledSplits) -> Judged:
        """Return how good it is on the evaluation rows."""
        return Judged(self.name, self.scores.rows(sample.evaluation_indices), None)


@dataclass(frozen=True)
class Exported(Contender):
    """A model that this run has exported, and the precision that was chosen for it.

    ``test`` is what it said of the split test, if it was asked.
    """

    choice: SelectedPrecision
    test: Predictions | None = None

    def judged(self, sample: SampledSplits) -> Judged:
        """Return how good it is on the evaluation rows, and in which precision."""
        return Judged(self.name, self.scores.rows(sample.evaluation_indices), self.choice)


@dataclass(frozen=True)
class Titleholder(Contender):
    """Hold a champion, with what was written of its promotion, if anything."""

    records: tuple[ChampionRecord, ...]


@dataclass(frozen=True)
class Contest:
    """Hold all whom the candidate has to beat.

    ``champions`` are those whose models were to be had, the best first. ``lost`` are the records,
    the newest first, that are all that is left of a champion.
    """

    candidate: Exported
    base: Exported
    champions: tuple[Titleholder, ...]
    lost: tuple[ChampionRecord, ...]

    @property
    def champion(self) -> Titleholder | None:
        """Return the best champion, None where there is none."""
        return next(iter(self.champions), None)

    def judged_champion(self, sample: SampledSplits) -> Judged | Recorded | None:
        """Return how good the champion is: None where there is none but the base model."""
        if self.champion is not None:
            return self.champion.judged(sample)
        return next((Recorded(one.display_name, one.accuracy) for one in self.lost), None)

    def test(self) -> McNemarResult | None:
        """Compare the candidate with the champion, or else the base, on the whole split."""
        if self.champion is None and self.lost:
            return None
        return self._pair_with(self.champion or self.base)

    def judge_on_test(self, sample: SampledSplits) -> "Contest":
        """Let the candidate judge the split test, if there is one: for reports, not for choices."""
        if sample.dataset.test is None:
            return self
        try:
            classifier = Classifier.load(self.candidate.folder)
            test = predict(classifier, sample.dataset.test, "the candidate on test")
        except PredictionError as error:
            logger.warning("Nothing will be reported on the split test: %s", error)
            return self
        return replace(self, candidate=replace(self.candidate, test=test))

    def decide(self, sample: SampledSplits, rule: Rule) -> Decision:
        """Decide whether the candidate takes the champion's place."""
        rivals = [
            *(self._rival(one, one.name, sample) for one in self.champions),
            *(Rival(one.display_name, one.accuracy) for one in self.lost),
            self._rival(self.base, f"the untouched base model {self.base.name}", sample),
        ]
        decision = decide(self.candidate.judged(sample).accuracy, rivals, rule)
        return replace(decision, false_promotion=self._false_promotion(sample, rule))

    def _false_promotion(self, sample: SampledSplits, rule: Rule) -> FalsePromotion:
        rivals = [one.scores.correct for one in (*self.champions, self.base)]
        distinct = dict.fromkeys(map(tuple, rivals))  # the champion may be the base model
        rows = len(sample.evaluation_indices)
        right = self.candidate.scores.correct
        return false_promotion(right, list(distinct), rows, rule, sample.seed)

    def _rival(self, model: Contender, name: str, sample: SampledSplits) -> Rival:
        return Rival(name, model.judged(sample).accuracy, self._pair_with(model))

    def _pair_with(self, model: Contender) -> McNemarResult:
        return mcnemar_test(self.candidate.scores.correct, model.scores.correct)


def enter(base: LoadedModel, name: str, folder: Path, sample: SampledSplits) -> Exported:
    """Export a model into ``folder`` as it would be served, and let it judge the whole split."""
    choice, scores = export_best_precision(base, folder, sample.train.texts, sample.validation)
    return Exported(name, folder, scores, choice)
