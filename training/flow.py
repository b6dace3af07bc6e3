"""The training flow: load, sample, train, export, evaluate, decide, store.

Publishing comes after it, and can be repeated by itself.
"""

import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

from training.atomic import write_json
from training.base_model import BaseModel, load_base
from training.champion import Standing, best_of, survey
from training.claim import claimed
from training.contest import Contest, enter
from training.dataset import load
from training.files import Files
from training.finetuning import FOR_NEW_CLASSIFIERS, Recipe, fine_tune
from training.hub.view import HubView, look
from training.origin import origin_of
from training.papers.writing import draw_candidate, draw_promotions, write_papers
from training.processes import is_main_process
from training.promotion import finish_promotion, promote
from training.records import Best
from training.release import Release, copy_models, prune
from training.report import RunReport, metrics_json
from training.sampling import Sample, draw
from training.settings import TrainingSettings
from training.succession import Successor, name_successor

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """Hold what a run has to tell, and what it saw of the Hub when it began."""

    report: RunReport
    hub: HubView


def run(settings: TrainingSettings, files: Files) -> Outcome | None:
    """Train a candidate, and put it in the champion's place where it is better.

    Where several processes were started, all of them train and one does all else; the others
    return None. Raises the errors of the steps, each of which says what to do.
    """
    sample = draw(load(settings.dataset), settings.train_size, settings.eval_size, settings.seed)
    if not is_main_process():
        learn(settings, sample)
        return None
    with claimed(files) as scratch:
        started_s = monotonic()
        finish_promotion(files)
        hub = look(settings)
        standing = survey(files, hub, scratch / "hub")
        trained = learn(settings, sample)
        contest = compete(settings, sample, trained, standing, scratch)
        decision = contest.decide(sample, settings.promotion)
        origin = origin_of(trained.name, sample)
        successor = name_successor(contest, decision, sample, origin)
        report = RunReport(
            origin=origin,
            candidate=contest.candidate.judged(sample),
            base=contest.base.judged(sample),
            champion=contest.judged_champion(sample),
            test=contest.test(),
            decision=decision,
            model_tag=None if successor is None else successor.best.model_tag,
            timestamp=datetime.now(UTC).isoformat(timespec="seconds"),
            duration_s=monotonic() - started_s,
        )
        write_json(files.metrics, metrics_json(report))
        if successor is not None:
            install(successor, trained, report, hub, files)
        draw_candidate(report, files.artifacts)
        draw_promotions(Best.read(files.best), files.artifacts)
        return Outcome(report, hub)


def learn(settings: TrainingSettings, sample: Sample) -> BaseModel:
    """Return the base model after its training on the sample."""
    base = load_base(settings.base_model, settings.token, settings.seed)
    labels = [base.class_ids[label] for label in sample.train.labels]
    recipe = recipe_for(base, settings)
    fine_tune(*base.parts, sample.train.texts, labels, recipe, settings.seed)
    return base


def recipe_for(base: BaseModel, settings: TrainingSettings) -> Recipe:
    """Return the recipe that suits the base model, but for what the settings ask for."""
    suited = FOR_NEW_CLASSIFIERS if base.has_new_classifier else Recipe()
    asked: dict[str, Any] = {
        "epochs": settings.epochs,
        "rate": settings.learning_rate,
        "batch": settings.batch_size,
        "frozen_share": settings.frozen_share,
    }
    return replace(suited, **{name: value for name, value in asked.items() if value is not None})


def compete(
    settings: TrainingSettings,
    sample: Sample,
    trained: BaseModel,
    standing: Standing,
    scratch: Path,
) -> Contest:
    """Let candidate, untouched base model and champion judge the same rows."""
    untouched = load_base(settings.base_model, settings.token, settings.seed)
    return Contest(
        candidate=enter(trained, "the candidate", scratch / "candidate", sample),
        base=enter(untouched, untouched.name, scratch / "base", sample),
        champion=best_of(standing, sample),
        record=standing.record,
    )


def install(
    successor: Successor, trained: BaseModel, report: RunReport, hub: HubView, files: Files
) -> None:
    """Put a model into the Bento store, and make ready what is published of a candidate."""
    tag = str(successor.best.model_tag)
    if successor.kind == "trained" and hub.repository is not None:
        with Release.of(files, tag).draft(hub) as folder:
            copy_models(trained, successor.folder, folder)
            write_papers(report, successor.best, hub.repository.repo_id, folder)
    promote(successor.folder, successor.best, files)
    prune(files, tag)
