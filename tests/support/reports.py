"""Reports of training runs whose metrics can be worked out by hand."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from training.evaluation.prediction import Predictions
from training.export.precision_selection import SelectedPrecision
from training.finetuning.hyperparameters import FinetuningResult, Hyperparameters
from training.promotion.champion_record import ChampionRecord
from training.promotion.comparison import EvaluatedModel, ModelComparison
from training.promotion.gate import Decision, FalsePromotionRate
from training.promotion.metadata import Provenance
from training.reporting.report import RunReport

TRUE = (0, 0, 1, 1, 1, 2, 2, 2)
REASON = "int8 has accuracy 0.8750 against 0.8750 in fp32"
PROVENANCE = Provenance(
    base_model="cardiffnlp/twitter-roberta-base-sentiment-latest",
    dataset="cardiffnlp/tweet_eval",
    dataset_fingerprint="d" * 64,
    sample_fingerprint="a" * 64,
    train_size=1000,
    eval_size=8,
    eval_split="validation",
    seed=42,
    git_commit="0123abc",
)
FALSE_PROMOTION = FalsePromotionRate(against_all=0.27, against_one=0.44, baselines=2, rows=8)
TRAINING = FinetuningResult(
    hyperparameters=Hyperparameters(),
    steps=96,
    loss=0.61,
    duration_s=120.5,
    processes=1,
    precision="fp32",
    weights="e" * 64,
)


def predictions(*predicted: int) -> Predictions:
    """Return predictions for the eight rows of ``TRUE``, each with a confidence of 0.8."""
    return Predictions(TRUE, np.full((len(TRUE), 3), 0.1) + 0.7 * np.eye(3)[list(predicted)])


def evaluated_model(name: str, *predicted: int, others: Sequence[bool] = ()) -> EvaluatedModel:
    """Return a model with these predictions, and ``others``, correct or not, outside the sample."""
    sampled = predictions(*predicted)
    labels = (*TRUE, *[0] * len(others))
    probabilities = np.vstack(
        [sampled.probabilities, *(np.eye(3)[[int(not one)]] for one in others)]
    )
    return EvaluatedModel(
        display_name=name,
        folder=Path(name),
        validation=Predictions(labels, probabilities),
        evaluation_indices=tuple(range(len(TRUE))),
        selected_precision=SelectedPrecision("int8", REASON),
    )


def comparison(
    both: int = 1300, candidate_only: int = 130, champion_only: int = 95, neither: int = 475
) -> ModelComparison:
    """Return a comparison with a champion that gives this table on the whole of validation."""
    table = (both - 5, candidate_only - 2, champion_only - 1, neither)  # the sample has the others
    candidate = np.repeat([True, True, False, False], table).tolist()
    champion = np.repeat([True, False, True, False], table).tolist()
    return ModelComparison(
        candidate=evaluated_model("candidate", 0, 1, 1, 1, 1, 2, 2, 2, others=candidate),
        base=evaluated_model(PROVENANCE.base_model, 0, 1, 1, 1, 0, 2, 2, 1, others=champion),
        champions=(evaluated_model("sentiment:old", 0, 0, 1, 1, 0, 2, 2, 1, others=champion),),
    )


UNAVAILABLE = ChampionRecord(0.7, "2026-09-01T10:00:00+00:00", "sentiment:lost", (), {})
FIRST_RUN = replace(comparison(), champions=())
WITHOUT_CHAMPION_MODEL = replace(FIRST_RUN, records_without_model=(UNAVAILABLE,))


def run_report(**changes: Any) -> RunReport:
    """Return the report of a run that improved on a champion, but for these changes."""
    report = RunReport(
        provenance=PROVENANCE,
        models=comparison(),
        training=TRAINING,
        decision=Decision(
            True, "accuracy 0.8750 against 0.7500 of sentiment:old: better", FALSE_PROMOTION
        ),
        model_tag="sentiment:new",
        timestamp="2026-10-01T10:00:00+00:00",
        duration_s=185.24,
    )
    return replace(report, **changes)


def report_with_candidate(**changes: Any) -> RunReport:
    """Return the report with these changes of the candidate."""
    models = comparison()
    return run_report(models=replace(models, candidate=replace(models.candidate, **changes)))
