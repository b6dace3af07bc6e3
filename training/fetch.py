"""Fetch a trained model and put it into the Bento store: ``python -m training.fetch``."""

import json
import logging
import sys
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import bentoml

from inference.model_folder import ModelFolder
from inference.store import register_model, served_files
from training.atomic_write import write_json
from training.data.dataset import LABELS, DatasetError, load, sample_texts
from training.data.label_alignment import resolve_output_labels
from training.data.sampling import SampledSplits, sample_splits
from training.errors import EXPECTED
from training.export.precision_selection import export_best_precision, export_by_agreement
from training.files import Files
from training.finetuning.pretrained import LoadedModel, ModelLoadError, load_pretrained
from training.hub.errors import UnreachableError
from training.hub.repository import HubRepository
from training.lock import run_lock
from training.promotion.metadata import Provenance, write_metadata
from training.promotion.registry import recover_interrupted_promotion, serving_note
from training.settings import TrainingSettings
from training.terminal import hide_bars_without_terminal

logger = logging.getLogger(__name__)


def fetch(settings: TrainingSettings) -> bentoml.Model:
    """Register the model of HF_REPO_ID, or else of BASE_MODEL, in the Bento store.

    The form that a training run has published is taken as it is, since its figures are of that.
    Any other model is exported, in int8 where labelled tweets, or else agreement with fp32 on the
    repository's sample, prove that this keeps its labels.

    Raises one of EXPECTED.
    """
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if not _download_served_form(settings, folder):
            base = load_pretrained(
                settings.source,
                settings.token,
                settings.seed,
                revision=settings.source_revision,
                labels=settings.labels,
            )
            if base.has_new_head:
                raise ModelLoadError(
                    settings.source, "it is an encoder that knows no classes yet: `make train`"
                )
            _export(base, _sample(settings), folder)
        return register_model(folder)


def _download_served_form(settings: TrainingSettings, folder: Path) -> bool:
    """Put a published exported form into the folder; tell whether there is one."""
    if Path(settings.source).exists():
        return False
    repository = HubRepository(settings.source, settings.token)
    try:
        head = repository.get_commit()
    except UnreachableError:  # the model may have been fetched before, and lie in the Hub's cache
        return False
    if head is None or not set(served_files()) <= set(head.files):
        return False
    repository.download(head.sha, folder, served_files())
    _name_outputs(settings, folder)
    return True


def _name_outputs(settings: TrainingSettings, folder: Path) -> None:
    """Give the outputs of an exported model the names of the classes. Raises LabelMismatchError."""
    labels = ModelFolder.read(folder).labels
    names = resolve_output_labels(settings.source, LABELS, labels, settings.labels)
    if names != labels:
        path = folder / "config.json"
        config = json.loads(path.read_text(encoding="utf-8"))
        write_json(path, config | {"id2label": dict(enumerate(names))})


def _sample(settings: TrainingSettings) -> SampledSplits | None:
    """Return labelled tweets, None where the data set that nobody chose is not to be had."""
    try:
        dataset = load(settings.dataset, settings.token, settings.dataset_revision)
    except DatasetError as error:
        if "dataset" in settings.model_fields_set:
            raise
        logger.warning(
            "int8 is proven by agreement with fp32 on unlabelled sample texts, not by accuracy: %s",
            error,
        )
        return None
    return sample_splits(dataset, settings.train_size, settings.eval_size, settings.seed)


def _export(base: LoadedModel, sample: SampledSplits | None, folder: Path) -> None:
    if sample is None:
        choice = export_by_agreement(base, folder, sample_texts())
        origin = {"base_model": base.name, "base_model_revision": base.revision}
        write_metadata(folder, "fetched", origin, choice)
    else:
        choice, predictions, _ = export_best_precision(
            base, folder, sample.train.texts, sample.validation
        )
        provenance = replace(Provenance.of(base.name, base.revision, sample), train_size=0)
        evaluation = predictions.select(sample.evaluation_indices)
        write_metadata(folder, "fetched", asdict(provenance), choice, evaluation)


def main() -> int:
    """Fetch what the settings name; return the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    hide_bars_without_terminal()
    try:
        settings = TrainingSettings.read()
        with run_lock(files := Files()):
            recover_interrupted_promotion(
                files
            )  # else the next run would put its model before this one
            print(f"Fetching {settings.source}", flush=True)
            model = fetch(settings)
    except EXPECTED as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Registered {model.tag}; {serving_note(str(model.tag))}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
