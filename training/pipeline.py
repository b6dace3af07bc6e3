"""The training flow: load, sample, train, export, evaluate, decide, store.

Publishing comes after it, and can be repeated by itself.
"""

import logging
import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from inference.store import SERVING_FILES
from training.atomic_write import write_json
from training.data.dataset import load
from training.data.sampling import SampledSplits, sample_splits
from training.evaluation.original import score_original
from training.export.export import check_exportable
from training.files import Files
from training.finetuning.fine_tune import fine_tune
from training.finetuning.hyperparameters import FinetuningResult, select_hyperparameters
from training.finetuning.pretrained import LoadedModel, load_pretrained
from training.hub.manifest import BEST_METRICS
from training.hub.snapshot import HubSnapshot, read_snapshot
from training.promotion.champion_record import ChampionRecord, Promotion
from training.promotion.champions import ChampionState, evaluate_champions, find_champions
from training.promotion.comparison import Contest, enter
from training.promotion.gate import Decision
from training.promotion.provenance import provenance_of
from training.promotion.registry import promote, recover_interrupted_promotion
from training.promotion.release import Release, prune
from training.promotion.succession import Successor, name_successor
from training.reporting.artifacts import (
    PROMOTIONS,
    plot_candidate,
    plot_promotions,
    write_published_files,
)
from training.reporting.report import RunReport, metrics_json
from training.settings import TrainingSettings

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """Hold what a run has to tell, and what it saw of the Hub when it began.

    ``unpublished`` is the release that is to be published now, None where there is none.
    """

    report: RunReport
    hub: HubSnapshot
    unpublished: Release | None


def run(  # pylint: disable=too-many-locals  # the order of work, in one place
    settings: TrainingSettings, files: Files, scratch: Path
) -> Outcome:
    """Train a candidate, and put it in the champion's place where it is better.

    ``scratch`` is an empty folder for what may be lost. Where several processes were started,
    one of them runs this, and the others ``assist``. Raises the errors of the steps, each of
    which says what to do.
    """
    started_s = monotonic()
    sample = _draw(settings)
    recover_interrupted_promotion(files)
    hub = read_snapshot(settings)
    standing = find_champions(files, hub, scratch / "hub")
    trained, learning = learn(settings, sample)
    contest = compete(settings, sample, trained, standing, scratch)
    decision = contest.decide(sample, settings.promotion)
    original = None
    if decision.promoted:
        contest = contest.judge_on_test(sample)
        original = score_original(trained, sample.evaluation)
    origin = provenance_of(trained.name, sample, trained.revision)
    successor = name_successor(contest, decision, sample, origin, standing.history)
    report = RunReport(
        provenance=origin,
        candidate=contest.candidate.judged(sample),
        base=contest.base.judged(sample),
        champion=contest.judged_champion(sample),
        learning=learning,
        test=contest.test(),
        decision=decision,
        model_tag=None if successor is None else successor.best.model_tag,
        timestamp=datetime.now(UTC).isoformat(timespec="seconds"),
        duration_s=monotonic() - started_s,
        unreachable_hub=hub.unread,
        test_split=contest.candidate.test,
        original=original,
    )
    if successor is not None:
        install(successor, trained, report, hub, files)
    write_json(files.metrics, metrics_json(report))
    release = unpublished(contest, decision, hub, files, standing.history)
    plot_candidate(report, files.artifacts)
    plot_promotions(ChampionRecord.read(files.best), files.artifacts)
    return Outcome(report, hub, release)


def assist(settings: TrainingSettings) -> None:
    """Train the candidate together with the process that runs the flow."""
    learn(settings, _draw(settings))


def learn(
    settings: TrainingSettings, sample: SampledSplits
) -> tuple[LoadedModel, FinetuningResult]:
    """Return the base model after its training on the sample, and how that went."""
    base = _load_base(settings, settings.base_model_revision)
    check_exportable(*base.model_and_tokenizer)
    if base.has_new_head:
        logger.info("%s is an encoder without a classifier: it gets a new one", base.name)
    labels = [base.class_ids[label] for label in sample.train.labels]
    recipe = select_hyperparameters(settings, base.has_new_head)
    return base, fine_tune(
        *base.model_and_tokenizer, sample.train.texts, labels, recipe, settings.seed
    )


def compete(
    settings: TrainingSettings,
    sample: SampledSplits,
    trained: LoadedModel,
    standing: ChampionState,
    scratch: Path,
) -> Contest:
    """Let candidate, untouched base model and champion evaluate_champions the same rows."""
    # of the commit that was trained, should there be a newer one by now
    untouched = _load_base(settings, trained.revision)
    candidate = enter(trained, "the candidate", scratch / "candidate", sample)
    base = enter(untouched, untouched.name, scratch / "base", sample)
    return Contest(candidate, base, *evaluate_champions(standing, sample))


def install(
    successor: Successor, trained: LoadedModel, report: RunReport, hub: HubSnapshot, files: Files
) -> None:
    """Put a model into the Bento store, and make ready what is published of a candidate."""
    tag = str(successor.best.model_tag)
    if successor.kind == "trained" and hub.repository is not None:
        with Release.of(files, tag).draft(hub) as folder:
            copy_models(trained, successor.folder, folder)
            write_published_files(report, successor.best, hub.repository.repo_id, folder)
    promote(successor.folder, successor.best, files)
    prune(files, tag)


def copy_models(trained: LoadedModel, exported: Path, folder: Path) -> None:
    """Write transformers' form of a model, its tokenizer, and the form that is served."""
    trained.model.save_pretrained(folder)
    trained.tokenizer.save_pretrained(folder)
    for name in SERVING_FILES:
        shutil.copyfile(exported / name, folder / name)


def unpublished(
    contest: Contest,
    decision: Decision,
    hub: HubSnapshot,
    files: Files,
    history: tuple[Promotion, ...],
) -> Release | None:
    """Return what is to be published now, None where there is nothing.

    That is the new champion, or else one of an earlier run that could not be published then, and
    has now been found to be better than the Hub's, or the Hub has none. Its record then goes on
    from ``history``, which may tell of promotions on the Hub that it did not know of.
    """
    best, champion = ChampionRecord.read(files.best), contest.champion
    if best is None or best.model_tag is None:
        return None
    release = Release.of(files, best.model_tag)
    if not release.waits_for(hub):
        return None
    if not decision.promoted:
        if champion is None or best not in champion.records or contest.lost:
            return None
        best = replace(best, history=history)
        plot_promotions(best, release.folder)
        for folder in (release.folder, files.folder):
            write_json(folder / BEST_METRICS, best.to_dict())
        for path in (release.folder / PROMOTIONS, release.folder / BEST_METRICS):
            if path.exists():  # there is no picture of no promotions
                path.replace(release.files / path.name)
        release.remember(hub)
    return release


def _load_base(settings: TrainingSettings, revision: str | None) -> LoadedModel:
    return load_pretrained(
        settings.base_model,
        settings.token,
        settings.seed,
        revision=revision,
        labels=settings.labels,
    )


def _draw(settings: TrainingSettings) -> SampledSplits:
    dataset = load(settings.dataset, settings.token, settings.dataset_revision)
    return sample_splits(dataset, settings.train_size, settings.eval_size, settings.seed)
