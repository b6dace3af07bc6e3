"""The candidate and the models that it has to beat, all evaluated on the same rows."""

import logging
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from inference.classifier import Classifier
from training.data.sampling import SampledSplits
from training.evaluation.mcnemar import McNemarResult, mcnemar_test
from training.evaluation.prediction import PredictionError, Predictions, predict
from training.export.precision_selection import SelectedPrecision, export_best_precision
from training.finetuning.pretrained import LoadedModel
from training.promotion.champion_record import ChampionRecord

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class EvaluatedModel:  # pylint: disable=too-many-instance-attributes  # one for each fact
    """A model in the form that would be served, and its predictions.

    ``validation`` covers the whole split, ``evaluation_indices`` are its sampled rows. Only models
    that this run exported have a ``selected_precision`` and ``validation_fp32``, only
    champions have ``records`` of their promotion, and only a promoted candidate ``test_split``.
    """

    display_name: str
    folder: Path
    validation: Predictions
    evaluation_indices: tuple[int, ...]
    selected_precision: SelectedPrecision | None = None
    validation_fp32: Predictions | None = None
    records: tuple[ChampionRecord, ...] = ()
    test_split: Predictions | None = None

    @cached_property
    def evaluation(self) -> Predictions:
        """Return the predictions for the sampled rows."""
        return self.validation.select(self.evaluation_indices)

    @cached_property
    def float32(self) -> Predictions | None:
        """Return the predictions for the sampled rows in fp32, None if this run made none."""
        return self.validation_fp32 and self.validation_fp32.select(self.evaluation_indices)

    @property
    def accuracy(self) -> float:
        """Return the accuracy on the sampled rows, in 0..1."""
        return self.evaluation.accuracy

    def compare(self, other: "EvaluatedModel") -> McNemarResult:
        """Compare this model, as the candidate, with another on the whole split."""
        return mcnemar_test(self.validation.correct, other.validation.correct)


Baseline = EvaluatedModel | ChampionRecord
"""What a candidate has to beat: a model, or the record of one that is no longer available."""


@dataclass(frozen=True)
class ModelComparison:
    """The candidate and all that it has to beat.

    ``champions`` are sorted by accuracy, the best first; ``records_without_model``, the newest
    first, are of champions that are no longer available.
    """

    candidate: EvaluatedModel
    base: EvaluatedModel
    champions: tuple[EvaluatedModel, ...] = ()
    records_without_model: tuple[ChampionRecord, ...] = ()

    @property
    def baselines(self) -> tuple[Baseline, ...]:
        """Return all that the candidate has to beat, the champion first."""
        return (*self.champions, *self.records_without_model, self.base)

    @property
    def champion(self) -> Baseline | None:
        """Return the best champion, None if there is none."""
        return None if self.baselines[0] is self.base else self.baselines[0]

    @cached_property
    def mcnemar(self) -> McNemarResult | None:
        """Compare the candidate with the champion, or with the base model if there is none.

        None if the champion is no longer available.
        """
        first = self.baselines[0]
        return None if isinstance(first, ChampionRecord) else self.candidate.compare(first)


def export_and_evaluate(
    model: LoadedModel, display_name: str, folder: Path, sample: SampledSplits
) -> EvaluatedModel:
    """Export a model into ``folder`` as it would be served, and predict the whole validation."""
    selected, predictions, fp32 = export_best_precision(
        model, folder, sample.train.texts, sample.validation
    )
    rows = sample.evaluation_indices
    return EvaluatedModel(display_name, folder, predictions, rows, selected, fp32)


def evaluate_on_test_split(model: EvaluatedModel, sample: SampledSplits) -> EvaluatedModel:
    """Return the model with its predictions for the split test, if the dataset has that split.

    They are for reports only: nothing is decided on them.
    """
    if sample.dataset.test is None:
        return model
    try:
        classifier = Classifier.load(model.folder)
        name = f"{model.display_name} on the split test"
        return replace(model, test_split=predict(classifier, sample.dataset.test, name))
    except PredictionError as error:
        logger.warning("No metrics of the split test: %s", error)
        return model
