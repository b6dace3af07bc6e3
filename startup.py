"""The steps of a start: the command validates the configuration, then each worker loads."""

import gc
import logging
import os
from dataclasses import dataclass
from pathlib import Path

import bentoml
from bentoml.exceptions import BentoMLConfigException

from api.contract.errors import QUEUE_TIMEOUT_S
from api.settings import ApiSettings
from db.database.schema import check_labels
from db.database.startup_check import StartupCheck
from db.database.url import host_and_database
from db.prediction_logger import PredictionLogger
from db.settings import DatabaseSettings, SettingsError
from inference.classifier import Classifier
from inference.model_folder import ModelFolder, ModelFolderError
from inference.runtime import HUGE_PAGES, RuntimeNotInstalledError, check_runtime
from inference.self_check import SelfCheck, load_checked
from inference.settings import ModelSettings
from patches.checks import check_patches
from patches.circus_socket import check_address_before_listening
from patches.uvicorn_protocol import MAX_CONNECTIONS
from pipeline import PredictionPipeline
from process.file_limit import raise_file_limit
from process.supervision import fail_start, register_command, stop_with_command

FULL_COLLECTION_THRESHOLD = 1000  # collections of the second generation; Python's default is 10

logger = logging.getLogger("bentoml.sentiment")


def prepare_command(model_path: Path) -> None:
    """Validate the configuration before workers start, and pass it on to them.

    Raises BentoMLConfigException, which BentoML prints without a traceback.
    """
    os.environ.setdefault("ENV_FILE", str(Path(".env").absolute()))
    check_address_before_listening()
    check_patches()
    register_command()
    raise_file_limit(MAX_CONNECTIONS)
    for name, value in HUGE_PAGES.items():
        os.environ.setdefault(name, value)
    try:
        validate_model(model_path)
        ApiSettings().validate_all()
        settings = DatabaseSettings.read()
        PredictionLogger(settings).close()
    except (ModelFolderError, RuntimeNotInstalledError, SettingsError) as error:
        raise BentoMLConfigException(str(error)) from error
    pass_on_paths(settings)


def validate_model(path: Path) -> None:
    """Raise ModelFolderError or RuntimeNotInstalledError if the model cannot be served."""
    folder = ModelFolder.read(path)
    check_runtime(ModelSettings().chosen_runtime, folder)
    check_labels(folder.labels)


def pass_on_paths(settings: DatabaseSettings) -> None:
    """Make paths absolute for the workers: a Bento's workers run in a folder of their own."""
    os.environ["SPOOL_DIR"] = str(settings.spool_dir.absolute())
    url = settings.url()
    if url.get_backend_name() == "sqlite":
        os.environ["DATABASE_URL"] = url.render_as_string(hide_password=False)
    logger.info(
        "predictions are recorded in %s: %s", url.get_backend_name(), host_and_database(url)
    )


@dataclass(frozen=True, slots=True)
class Worker:
    """The parts of a worker that has loaded its model."""

    classifier: Classifier
    self_check: SelfCheck
    prediction_log: PredictionLogger
    pipeline: PredictionPipeline


def start_worker(model: bentoml.Model) -> Worker:
    """Load and check the model; the prediction log is not open yet.

    If the model or the database's tables cannot be used, end the whole service.
    """
    stop_with_command()
    show_info_logs()
    settings = DatabaseSettings.read()
    tables = StartupCheck(settings)  # runs while the model loads
    classifier, self_check = load_classifier(Path(model.path))
    classifier.warm_up().join()  # so that the first requests are as fast as later ones
    if foreign := tables.result():
        fail_start(foreign)
    prediction_log = PredictionLogger(settings, tables.refused_login)
    pipeline = PredictionPipeline(classifier, prediction_log, str(model.tag), QUEUE_TIMEOUT_S)
    limit_garbage_collection()
    return Worker(classifier, self_check, prediction_log, pipeline)


def show_info_logs() -> None:
    """Log from INFO on: BentoML shows only warnings of other loggers than its own."""
    for name in ("db", "inference"):
        logging.getLogger(name).setLevel(logging.INFO)


def load_classifier(path: Path) -> tuple[Classifier, SelfCheck]:
    """Load and check the model. If that fails, log one line and end the whole service."""
    try:
        return load_checked(path, ModelSettings().chosen_runtime)
    except ModelFolderError as error:
        fail_start(error)


def limit_garbage_collection() -> None:
    """Keep what was imported out of garbage collection, and make full collections rare.

    A full collection pauses all requests: for 150 ms if it covers the imported modules, and under
    overload, with many objects in flight, for 90 ms every 8 s.
    """
    gc.freeze()
    gc.set_threshold(*gc.get_threshold()[:2], FULL_COLLECTION_THRESHOLD)
