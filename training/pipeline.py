"""The training pipeline: load, sample, train, export, evaluate, decide, register, stage.

`python -m training` publishes afterwards, which `python -m training.publish` can repeat.
"""

import logging
import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from inference.store import SERVING_FILES
from training.data.dataset import load
from training.data.sampling import SampledSplits, sample_splits
from training.export.export import check_exportable
from training.files import Files, write_json
from training.finetuning.fine_tune import fine_tune
from training.finetuning.hyperparameters import FinetuningResult, select_hyperparameters
from training.finetuning.pretrained import LoadedModel, load_pretrained
from training.hub.manifest import BEST_METRICS
from training.hub.snapshot import HubSnapshot, read_snapshot
from training.promotion.champion_record import ChampionRecord, Promotion
from training.promotion.champions import ChampionState, evaluate_champions, find_champions
from training.promotion.comparison import (
    EvaluatedModel,
    ModelComparison,
    evaluate_on_test_split,
    export_and_evaluate,
)
from training.promotion.gate import decide
from training.promotion.metadata import Provenance
from training.promotion.registry import (
    promote,
    recover_interrupted_promotion,
    select_model_to_register,
)
from training.promotion.release import Release, prune
from training.reporting.model_card import write_published_files
from training.reporting.plots import PROMOTIONS, plot_candidate, plot_promotions
from training.reporting.report import RunReport, metrics_json
from training.settings import TrainingSettings

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PipelineResult:
    """The report of a run, the Hub at its start, and the release to publish now, if any."""

    report: RunReport
    hub: HubSnapshot
    pending_release: Release | None


def run(  # pylint: disable=too-many-locals  # all steps, in order
    settings: TrainingSettings, files: Files, scratch: Path
) -> PipelineResult:
    """Train a candidate, and replace the champion if it is better.

    ``scratch`` is an empty folder for temporary files. If several processes were started, one of
    them runs this, and the others ``run_worker``. Raises the errors of the steps.
    """
    started_s = monotonic()
    sample = load_and_sample(settings)
    recover_interrupted_promotion(files)
    hub = read_snapshot(settings)
    champions = find_champions(files, hub, scratch / "hub")
    model, training = train(settings, sample)
    models = evaluate_models(settings, sample, model, champions, scratch)
    decision = decide(models, settings.promotion, settings.seed)
    if decision.promoted:
        models = replace(models, candidate=evaluate_on_test_split(models.candidate, sample))
    provenance = Provenance.of(model.name, model.revision, sample)
    selected = select_model_to_register(models, decision, provenance, champions.history)
    report = RunReport(
        provenance=provenance,
        models=models,
        training=training,
        decision=decision,
        model_tag=None if selected is None else selected[1].model_tag,
        timestamp=datetime.now(UTC).isoformat(timespec="seconds"),
        duration_s=monotonic() - started_s,
        unreachable_hub=hub.unreachable,
    )
    if selected is not None:
        register_and_stage(*selected, model, report, hub, files)
    write_json(files.metrics, metrics_json(report))
    release = prepare_pending_release(report, hub, files, champions.history)
    plot_candidate(report, files.artifacts)
    plot_promotions(ChampionRecord.read(files.best), files.artifacts)
    return PipelineResult(report, hub, release)


def run_worker(settings: TrainingSettings) -> None:
    """Train together with the process that runs the pipeline."""
    train(settings, load_and_sample(settings))


def load_and_sample(settings: TrainingSettings) -> SampledSplits:
    """Load the dataset, and sample rows of train and validation."""
    dataset = load(settings.dataset, settings.token, settings.dataset_revision)
    return sample_splits(dataset, settings.train_size, settings.eval_size, settings.seed)


def train(
    settings: TrainingSettings, sample: SampledSplits
) -> tuple[LoadedModel, FinetuningResult]:
    """Return the fine-tuned base model, and how its training went."""
    model = _load_base(settings, settings.base_model_revision)
    check_exportable(*model.model_and_tokenizer)
    if model.has_new_head:
        logger.info("%s is an encoder without a classifier: it gets a new one", model.name)
    labels = [model.class_ids[label] for label in sample.train.labels]
    hyperparameters = select_hyperparameters(settings, model.has_new_head)
    training = fine_tune(
        *model.model_and_tokenizer, sample.train.texts, labels, hyperparameters, settings.seed
    )
    return model, training


def evaluate_models(
    settings: TrainingSettings,
    sample: SampledSplits,
    model: LoadedModel,
    state: ChampionState,
    scratch: Path,
) -> ModelComparison:
    """Export and evaluate the fine-tuned and the base model, and evaluate the champions."""
    base = _load_base(settings, model.revision)  # the commit that was trained, not a newer one
    return ModelComparison(
        export_and_evaluate(model, "the candidate", scratch / "candidate", sample),
        export_and_evaluate(base, base.name, scratch / "base", sample),
        *evaluate_champions(state, sample),
    )


def register_and_stage(  # pylint: disable=too-many-arguments,too-many-positional-arguments  # each its own
    selected: EvaluatedModel,
    record: ChampionRecord,
    model: LoadedModel,
    report: RunReport,
    hub: HubSnapshot,
    files: Files,
) -> None:
    """Register a model in the Bento store; stage a promoted candidate for the Hub first."""
    tag = str(record.model_tag)
    if report.decision.promoted and hub.repository is not None:
        with Release.of(files, tag).draft(hub) as folder:
            copy_models(model, selected.folder, folder)
            write_published_files(report, record, hub.repository.repo_id, folder)
    promote(selected.folder, record, files)
    prune(files, tag)


def copy_models(model: LoadedModel, exported: Path, folder: Path) -> None:
    """Write model and tokenizer as transformers reads them, and the form that is served."""
    model.model.save_pretrained(folder)
    model.tokenizer.save_pretrained(folder)
    for name in SERVING_FILES:
        shutil.copyfile(exported / name, folder / name)


def prepare_pending_release(
    report: RunReport, hub: HubSnapshot, files: Files, history: tuple[Promotion, ...]
) -> Release | None:
    """Return the release to publish now, None if there is none.

    That is the new champion's, or that of an earlier run that could not publish it, if this run
    found it to be better than the Hub's or the Hub has none. Its record is then continued with
    ``history``, which includes promotions on the Hub.
    """
    record, models = ChampionRecord.read(files.best), report.models
    if record is None or record.model_tag is None:
        return None
    release = Release.of(files, record.model_tag)
    if not release.waits_for(hub):
        return None
    if not report.decision.promoted:
        is_best = bool(models.champions) and record in models.champions[0].records
        if not is_best or models.records_without_model:
            return None
        record = replace(record, history=history)
        plot_promotions(record, release.folder)
        for folder in (release.folder, files.folder):
            write_json(folder / BEST_METRICS, record.to_dict())
        for path in (release.folder / PROMOTIONS, release.folder / BEST_METRICS):
            if path.exists():  # no plot without promotions
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
