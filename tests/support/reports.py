"""Reports of training runs whose figures can be worked out by hand."""

from dataclasses import replace
from typing import Any

import numpy as np

from training.evaluation.mcnemar import McNemarResult
from training.evaluation.prediction import Predictions
from training.export.precision_selection import SelectedPrecision
from training.finetuning.hyperparameters import FinetuningResult, Hyperparameters
from training.promotion.champion_record import Provenance
from training.promotion.false_promotion import FalsePromotion
from training.promotion.gate import Decision
from training.reporting.report import Judged, RunReport

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
FALSE_PROMOTION = FalsePromotion(against_all=0.27, against_one=0.44, rivals=2, rows=8)
LEARNING = FinetuningResult(
    recipe=Hyperparameters(),
    steps=96,
    loss=0.61,
    duration_s=120.5,
    processes=1,
    precision="fp32",
    weights="e" * 64,
)


def scores(*predictions: int) -> Predictions:
    """Return scores of the eight rows of ``TRUE``, each prediction with a confidence of 0.8."""
    return Predictions(TRUE, np.full((len(TRUE), 3), 0.1) + 0.7 * np.eye(3)[list(predictions)])


def judged(name: str, *predictions: int) -> Judged:
    """Return a model that predicted this."""
    return Judged(name, scores(*predictions), SelectedPrecision("int8", REASON))


def run_report(**changes: Any) -> RunReport:
    """Return the report of a run that improved on a champion, but for these changes."""
    report = RunReport(
        provenance=PROVENANCE,
        candidate=judged("candidate", 0, 1, 1, 1, 1, 2, 2, 2),
        base=judged(PROVENANCE.base_model, 0, 1, 1, 1, 0, 2, 2, 1),
        learning=LEARNING,
        champion=judged("sentiment:old", 0, 0, 1, 1, 0, 2, 2, 1),
        test=McNemarResult(both=1300, candidate_only=130, champion_only=95, neither=475),
        decision=Decision(
            True, "accuracy 0.8750 against 0.7500 of sentiment:old: better", FALSE_PROMOTION
        ),
        model_tag="sentiment:new",
        timestamp="2026-10-01T10:00:00+00:00",
        duration_s=185.24,
    )
    return replace(report, **changes)
