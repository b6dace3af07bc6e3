"""Download a model and register it in the Bento store: ``python -m training.fetch``."""

import json
import logging
import sys
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import bentoml

from inference.model_folder import ModelFolder
from inference.store import register_model, served_files
from training.command import hide_progress_bars, run_command
from training.data.dataset import LABELS, DatasetError, load, sample_texts
from training.data.label_alignment import resolve_output_labels
from training.data.sampling import SampledSplits, sample_splits
from training.export.precision_selection import export_best_precision, export_by_agreement
from training.files import Files, write_json
from training.finetuning.pretrained import LoadedModel, ModelLoadError, load_pretrained
from training.hub.errors import UnreachableError
from training.hub.repository import HubRepository
from training.lock import run_lock
from training.promotion.metadata import Provenance, write_metadata
from training.promotion.registry import recover_interrupted_promotion, serving_note
from training.settings import TrainingSettings

logger = logging.getLogger(__name__)


def fetch(settings: TrainingSettings) -> bentoml.Model:
    """Register the model of HF_REPO_ID, or else of BASE_MODEL, in the Bento store.

    A model that a training run published is registered as it was exported then. Any other model
    is exported, in int8 if that keeps its labels on labelled tweets, or, without those, on the
    repository's sample.

    Raises one of EXPECTED.
    """
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if not _download_exported(settings, folder):
            model = load_pretrained(
                settings.source,
                settings.token,
                settings.seed,
                revision=settings.source_revision,
                labels=settings.labels,
            )
            if model.has_new_head:
                raise ModelLoadError(
                    settings.source, "it is an encoder without a classifier: run `make train`"
                )
            _export(model, _load_sample(settings), folder)
        return register_model(folder)


def _download_exported(settings: TrainingSettings, folder: Path) -> bool:
    """Download a published exported model into the folder; return whether there is one."""
    if Path(settings.source).exists():
        return False
    repository = HubRepository(settings.source, settings.token)
    try:
        commit = repository.get_commit()
    except UnreachableError:  # the Hub's cache may have the model
        return False
    if commit is None or not set(served_files()) <= set(commit.files):
        return False
    repository.download(commit.sha, folder, served_files())
    _set_labels(settings, folder)
    return True


def _set_labels(settings: TrainingSettings, folder: Path) -> None:
    """Write the dataset's labels into an exported model. Raises LabelMismatchError."""
    labels = ModelFolder.read(folder).labels
    names = resolve_output_labels(settings.source, LABELS, labels, settings.labels)
    if names != labels:
        path = folder / "config.json"
        config = json.loads(path.read_text(encoding="utf-8"))
        write_json(path, config | {"id2label": dict(enumerate(names))})


def _load_sample(settings: TrainingSettings) -> SampledSplits | None:
    """Return labelled tweets, None if the default dataset is not available."""
    try:
        dataset = load(settings.dataset, settings.token, settings.dataset_revision)
    except DatasetError as error:
        if "dataset" in settings.model_fields_set:
            raise
        logger.warning(
            "int8 is compared with fp32 on unlabelled texts only, not by accuracy: %s", error
        )
        return None
    return sample_splits(dataset, settings.train_size, settings.eval_size, settings.seed)


def _export(model: LoadedModel, sample: SampledSplits | None, folder: Path) -> None:
    if sample is None:
        selected = export_by_agreement(model, folder, sample_texts())
        provenance = {"base_model": model.name, "base_model_revision": model.revision}
        write_metadata(folder, "fetched", provenance, selected)
    else:
        selected, predictions, _ = export_best_precision(
            model, folder, sample.train.texts, sample.validation
        )
        trained = Provenance.of(model.name, model.revision, sample)
        provenance = asdict(replace(trained, train_size=0))
        evaluation = predictions.select(sample.evaluation_indices)
        write_metadata(folder, "fetched", provenance, selected, evaluation)


def main() -> int:
    """Fetch the model that the settings name; return the exit status."""
    return run_command(_fetch_and_report)


def _fetch_and_report() -> None:
    hide_progress_bars()
    settings = TrainingSettings.read()
    with run_lock(files := Files()):
        recover_interrupted_promotion(files)  # else the next run would make its model the newest
        print(f"Fetching {settings.source}", flush=True)
        model = fetch(settings)
    print(f"Registered {model.tag}; {serving_note(str(model.tag))}.")


if __name__ == "__main__":
    sys.exit(main())
