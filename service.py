"""The public Bento service: one door in, one answer out.

HTTP → guard → batch → classify → spool → answer; spool → writer → database
"""

import gc
import logging
import os
import time
from asyncio import gather, get_running_loop, to_thread
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain, islice
from operator import attrgetter
from pathlib import Path
from typing import Any, cast

import bentoml
from bentoml.exceptions import BentoMLConfigException
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.contract.errors import (
    CLASSIFICATION_FAILED,
    CLIENT_DISCONNECTED,
    QUEUE_TIMEOUT,
    QUEUE_TIMEOUT_S,
    ApiError,
)
from api.contract.openapi import send_page
from api.contract.requests import PredictBatchInput, PredictInput, TextItem
from api.contract.responses import (
    ModelDescription,
    PredictBatchOutput,
    PredictionResult,
    PredictOutput,
)
from api.http.body_reader import JSON_MEDIA_TYPE
from api.http.middleware import ApiMiddleware
from api.micro_batcher import MicroBatcher
from api.settings import ApiSettings
from db.database.schema import check_labels
from db.database.startup_check import StartupCheck
from db.database.url import host_and_database
from db.prediction import Prediction, new_id, timestamp_of
from db.prediction_logger import PredictionLogError, PredictionLogger
from db.settings import DatabaseSettings, SettingsError
from inference.batching import MAX_BATCH_SIZE, batch_prefix_length, split_batches
from inference.classifier import Classification, ClassificationError, Classifier
from inference.model_folder import ModelFolder, ModelFolderError
from inference.runtime import HUGE_PAGES, RuntimeNotInstalledError, check_runtime
from inference.self_check import SelfCheck, load_checked
from inference.settings import ModelSettings
from inference.store import SentimentModelRef
from inference.stream_scheduler import NUM_STREAMS
from patches.bentoml_service import PatchedService
from patches.circus_socket import check_address_before_listening
from patches.load_shedding import use_load_shedding_protocol
from patches.uvicorn_protocol import MAX_CONNECTIONS
from process.file_limit import raise_file_limit
from process.supervision import fail_start, on_sighup, register_command, stop_with_command

SCORE_DECIMALS = 6  # what is left of a float32 probability
LATENCY_DECIMALS = 3
FULL_COLLECTION_EVERY = 1000  # of the second generation's, instead of 10: little is left for it

Outcome = Classification | ClassificationError | ApiError

logger = logging.getLogger("bentoml.sentiment")
# What `bentoml containerize` builds upon; bentofile.yaml knows only bases with compilers and git
image = (
    bentoml.images.Image("python:3.11-slim-bookworm", distro="custom", python_version="3.11")
    # the manager of ODBC drivers, and what Microsoft's driver wants of the system
    .run(
        "apt-get update && apt-get install --yes --no-install-recommends"
        " unixodbc libgssapi-krb5-2 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*"
    )
    # where the service writes, as its user: a volume that is mounted here takes over the owner
    .run("install --directory --owner=bentoml --group=bentoml $BENTO_PATH/data")
)
routes = Starlette(routes=[Route("/docs.json", send_page)])  # instead of BentoML's
use_load_shedding_protocol()

NOT_RECORDED = "the prediction could not be recorded, so it is not answered"


@bentoml.service(
    name="sentiment_service",
    service_class=PatchedService,
    image=image,
    traffic={"timeout": 60},
    threads=NUM_STREAMS,
    # the access log costs about a tenth of the throughput; every prediction is a row anyway
    logging={"access": {"enabled": False}},
    # spans are made for every request, though nobody collects them
    tracing={"excluded_urls": ".*"},
)
@bentoml.asgi_app(routes)
class SentimentService:
    """Classify tweets as negative, neutral or positive, and record every prediction."""

    packed_model = SentimentModelRef(ModelSettings().tag)  # for `bentoml build`

    def __init__(self) -> None:
        stop_with_command()
        for name in ("db", "inference"):  # BentoML shows warnings of others only
            logging.getLogger(name).setLevel(logging.INFO)
        settings = DatabaseSettings.read()
        tables = StartupCheck(settings)  # answers while the model is loaded
        self.model = served_model()
        self.classifier, self.self_check = load_classifier(Path(self.model.path))
        warming_up = self.classifier.warm_up()
        self.batches = ThreadPoolExecutor(NUM_STREAMS, "batches")  # of all calls in turn
        # BentoML inspects a method anew whenever it is looked up, so each is looked up once
        vars(self).update({name: getattr(self, name) for name in ("predict", "predict_batch")})
        routes.add_route("/model", self.describe_model)
        warming_up.join()  # so that the first answers take no longer than later ones
        if foreign := tables.result():
            fail_start(foreign)
        self.recorder = PredictionLogger(settings, tables.refused_login)
        # A full collection of garbage holds everybody up: for 150 ms if it goes through all that
        # was imported, and in a flood for 90, since so much is in flight, every 8 s
        gc.freeze()
        gc.set_threshold(*gc.get_threshold()[:2], FULL_COLLECTION_EVERY)
        logger.info("serving %s", self.model.tag)

    @bentoml.on_deployment
    @staticmethod
    def check_before_workers_start() -> None:
        """Stop the start, with a plain error, over what would keep every worker from starting.

        Workers of a Bento run in another folder than the command that started them; `.env` and
        `data/` are meant to be beside the latter, so their absolute paths are handed on.
        """
        os.environ.setdefault("ENV_FILE", str(Path(".env").absolute()))
        check_address_before_listening()
        register_command()
        raise_file_limit(MAX_CONNECTIONS)
        for name, value in HUGE_PAGES.items():
            os.environ.setdefault(name, value)
        try:
            folder = ModelFolder.read(Path(served_model().path))
            check_runtime(ModelSettings().chosen_runtime, folder)
            check_labels(folder.labels)
            guard = ApiSettings()
            _ = guard.keys, guard.paths, guard.origins
            settings = DatabaseSettings.read()
            PredictionLogger(settings).close()
        except (ModelFolderError, RuntimeNotInstalledError, SettingsError) as error:
            raise BentoMLConfigException(str(error)) from error  # printed without a traceback
        os.environ["SPOOL_DIR"] = str(settings.spool_dir.absolute())
        url = settings.url()
        if url.get_backend_name() == "sqlite":
            os.environ["DATABASE_URL"] = url.render_as_string(hide_password=False)
        logger.info(
            "predictions are recorded in %s: %s", url.get_backend_name(), host_and_database(url)
        )

    @bentoml.on_startup
    def open_recorder(self) -> None:
        """Start the writer, which creates the tables that are missing."""
        self.recorder.open()
        on_sighup(self.recorder.retry)

    @bentoml.on_shutdown
    def close_recorder(self) -> None:
        """Write what is spooled; what the database does not take now waits on the disk."""
        self.recorder.close()

    def __is_ready__(self) -> bool:
        """Return whether predictions can be recorded, for `/readyz`."""
        return self.recorder.is_ready()

    @bentoml.api(
        batchable=True,
        max_batch_size=MAX_BATCH_SIZE,
        max_latency_ms=QUEUE_TIMEOUT_S * 1000,
        input_spec=PredictInput,
        output_spec=PredictOutput,
    )
    def predict(self, text: list[TextItem]) -> list[PredictionResult | ApiError]:
        """Classify one tweet.

        The header `X-Prediction-Id` is the id of its recorded row; `X-Truncated: true` says that
        the model did not read the whole text.
        """
        outcomes = self._answers(text, self._classify(text))
        try:
            self._record(outcomes)
        except PredictionLogError as error:
            refusal = not_recorded(error)
            return [refusal if isinstance(made, PredictionResult) else made for made in outcomes]
        return outcomes

    @bentoml.api(input_spec=PredictBatchInput, output_spec=PredictBatchOutput)
    async def predict_batch(self, texts: list[TextItem]) -> list[PredictionResult] | ApiError:
        """Classify up to 128 tweets together: all of them are answered and recorded, or none.

        Other requests run between its batches.
        """
        in_turn = partial(get_running_loop().run_in_executor, self.batches)
        made: list[Outcome] = []
        rest = split_batches(texts, attrgetter("text"))
        while some := list(islice(rest, NUM_STREAMS)):
            parts = await gather(*(in_turn(self._classify, portion) for portion in some))
            made += chain.from_iterable(parts)
            if not all(isinstance(each, Classification) for each in made):
                break
        return await to_thread(self._answer_all, texts, made)

    def _answer_all(
        self, questions: list[TextItem], made: list[Outcome]
    ) -> list[PredictionResult] | ApiError:
        outcomes = self._answers(questions[: len(made)], made)
        for position, outcome in enumerate(outcomes):
            if isinstance(outcome, ApiError):
                problem = {"loc": ["texts", position], "msg": outcome.error}
                place = f"texts.{position}: " if outcome is CLASSIFICATION_FAILED else ""
                return ApiError(outcome.status, place + outcome.error, (problem,))
        try:
            self._record(outcomes)
        except PredictionLogError as error:
            return not_recorded(error)
        return outcomes  # type: ignore[return-value]  # there is no refusal among them

    async def describe_model(self, _request: Request) -> Response:
        """Answer ``GET /model``: tell what is being served."""
        runtime = self.classifier.runtime
        description = ModelDescription.model_validate(
            {
                **self.model.info.metadata,
                **({"precision": runtime.precision} if runtime.precision else {}),
                "tag": str(self.model.tag),
                "labels": self.classifier.labels,
                "runtime": runtime.name,
                "created_at": self.model.info.creation_time,
                "self_check": self.self_check.to_json(),
            }
        )
        return Response(description.model_dump_json(), media_type=JSON_MEDIA_TYPE)

    def _classify(self, questions: Sequence[TextItem]) -> list[Outcome]:
        """Classify what somebody still waits for."""
        now_s = time.perf_counter()
        refusals = [_refusal(question, now_s) for question in questions]
        texts = [q.text for q, refusal in zip(questions, refusals, strict=True) if not refusal]
        classified = iter(self.classifier.classify_each(texts))
        return [refusal or next(classified) for refusal in refusals]

    def _answers(
        self, questions: Sequence[TextItem], made: Sequence[Outcome]
    ) -> list[PredictionResult | ApiError]:
        now_s = time.perf_counter()
        return [
            self._answer(question, outcome, now_s)
            for question, outcome in zip(questions, made, strict=True)
        ]

    def _answer(
        self, question: TextItem, made: Outcome, now_s: float
    ) -> PredictionResult | ApiError:
        if isinstance(made, ApiError):
            return made
        if isinstance(made, ClassificationError):
            request_id = question.state.request_id
            logger.error("request %s: the model failed on a text", request_id, exc_info=made)
            return CLASSIFICATION_FAILED
        exact = dict(zip(self.classifier.labels, made.probabilities, strict=True))
        label = max(exact, key=exact.__getitem__)
        scores = {name: round(value, SCORE_DECIMALS) for name, value in exact.items()}
        return PredictionResult(
            prediction_id=new_id(),
            text=question.text,
            label=label,
            score=scores[label],
            scores=scores,
            latency_ms=round((now_s - question.arrived_s) * 1000, LATENCY_DECIMALS),
            batch_size=made.batch_size,
            truncated=made.truncated,
        )

    def _record(self, outcomes: list[PredictionResult | ApiError]) -> None:
        model_tag = str(self.model.tag)
        self.recorder.record(
            [
                Prediction(
                    id=answer.prediction_id,
                    timestamp=timestamp_of(answer.prediction_id),
                    text=answer.text,
                    latency_ms=answer.latency_ms,
                    label=answer.label,
                    confidence=answer.score,
                    model_tag=model_tag,
                    batch_size=answer.batch_size,
                    truncated=answer.truncated,
                )
                for answer in outcomes
                if isinstance(answer, PredictionResult)
            ]
        )


def _refusal(question: TextItem, now_s: float) -> ApiError | None:
    state = question.state
    if state.disconnected:
        return CLIENT_DISCONNECTED
    if not state.started and now_s - question.arrived_s > QUEUE_TIMEOUT_S:
        return QUEUE_TIMEOUT
    state.started = True
    return None


def not_recorded(error: PredictionLogError) -> ApiError:
    """Tell a client that and why its predictions are lost, so that it asks again."""
    return ApiError(503, f"{NOT_RECORDED}: {error}")


def load_classifier(path: Path) -> tuple[Classifier, SelfCheck]:
    """Load and check the model; the whole service ends with one plain line if that fails."""
    try:
        return load_checked(path, ModelSettings().chosen_runtime)
    except ModelFolderError as error:
        fail_start(error)


def served_model() -> bentoml.Model:
    """Return the model that the Bento was built with; in a checkout, what MODEL_TAG names."""
    bento = cast(Any, SentimentService).bento
    if bento is None:
        return SentimentModelRef(ModelSettings().tag).resolve()
    (packed,) = bento.info.all_models
    return bentoml.models.get(packed.tag)


cast(Any, SentimentService).make_batcher = partial(MicroBatcher, NUM_STREAMS, batch_prefix_length)
cast(Any, SentimentService).add_asgi_middleware(ApiMiddleware)
