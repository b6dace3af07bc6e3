"""The BentoML service: endpoints and hooks.

HTTP → middleware → batch → classify → spool → response; spool → writer → database
"""

import logging
from functools import partial
from pathlib import Path
from typing import Any, cast

import bentoml
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
from api.contract.requests import TextItem
from api.contract.responses import ModelDescription
from api.http.body_reader import JSON_MEDIA_TYPE
from api.http.io_descriptors import (
    PredictBatchInput,
    PredictBatchOutput,
    PredictInput,
    PredictOutput,
)
from api.http.middleware import ApiMiddleware
from api.http.openapi import send_document
from api.micro_batcher import MicroBatcher
from db.prediction_logger import PredictionLogError
from inference.batching import MAX_BATCH_SIZE, batch_prefix_length
from inference.classifier import ClassificationError
from inference.settings import ModelSettings
from inference.store import SentimentModelRef
from inference.stream_scheduler import NUM_STREAMS
from patches.bentoml_service import PatchedService
from patches.checks import StartCheck
from patches.load_shedding import use_load_shedding_protocol
from pipeline import (
    BatchError,
    DisconnectedError,
    Failure,
    PredictionResult,
    QueueTimeoutError,
)
from process.supervision import on_sighup
from startup import prepare_command, start_worker

logger = logging.getLogger("bentoml.sentiment")
# The base of `bentoml containerize`; those of bentofile.yaml all contain compilers and git
image = (
    bentoml.images.Image("python:3.11-slim-bookworm", distro="custom", python_version="3.11")
    # the ODBC driver manager, and a library that Microsoft's driver needs
    .run(
        "apt-get update && apt-get install --yes --no-install-recommends"
        " unixodbc libgssapi-krb5-2 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*"
    )
    # the folder that the service's user writes to; a volume mounted here inherits the owner
    .run("install --directory --owner=bentoml --group=bentoml $BENTO_PATH/data")
)
routes = Starlette(routes=[Route("/docs.json", send_document)])  # replaces BentoML's
use_load_shedding_protocol()


@bentoml.service(
    service_class=PatchedService,
    name="sentiment_service",
    image=image,
    traffic={"timeout": 60},
    threads=NUM_STREAMS,
    # the access log costs about a tenth of the throughput; every prediction is a row anyway
    logging={"access": {"enabled": False}},
    tracing={"excluded_urls": ".*"},  # spans cost time, and nothing collects them
)
@bentoml.asgi_app(routes)
class SentimentService:
    """Classify tweets as negative, neutral or positive, and record every prediction."""

    packed_model = SentimentModelRef(ModelSettings().tag)  # for `bentoml build`

    def __init__(self) -> None:
        self.model = served_model()
        self.worker = start_worker(self.model)
        self.pipeline, self.log = self.worker.pipeline, self.worker.prediction_log
        routes.add_route("/model", self.describe_model)
        # BentoML builds a method, in 12 µs, each time that it is looked up
        for name in ("predict", "predict_batch"):
            setattr(self, name, getattr(self, name))
        logger.info("serving %s", self.model.tag)

    @bentoml.on_deployment
    @staticmethod
    def prepare() -> None:
        """Validate the configuration before workers start."""
        prepare_command(Path(served_model().path))

    @bentoml.on_startup
    def open_log(self) -> None:
        """Start the writer, which creates missing tables."""
        self.log.open()
        on_sighup(self.log.retry_login)

    @bentoml.on_shutdown
    def close_log(self) -> None:
        """Write the spooled rows; rows that the database does not take now stay on the disk."""
        self.log.close()

    def __is_ready__(self) -> bool:
        """Return whether predictions can be recorded, for `/readyz`."""
        return self.log.is_ready()

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
        return [
            result if isinstance(result, PredictionResult) else to_api_error(result)
            for result in self.pipeline.predict(text)
        ]

    @bentoml.api(input_spec=PredictBatchInput, output_spec=PredictBatchOutput)
    async def predict_batch(self, texts: list[TextItem]) -> list[PredictionResult] | ApiError:
        """Classify up to 128 tweets together: all of them are answered and recorded, or none."""
        try:
            return await self.pipeline.predict_all(texts)
        except PredictionLogError as error:
            return to_api_error(error)
        except BatchError as error:
            cause = to_api_error(error.failure)
            detail = [{"loc": ["texts", error.position], "msg": cause.error}]
            named = cause is CLASSIFICATION_FAILED  # the other errors concern the whole request
            prefix = f"texts.{error.position}: " if named else ""
            return ApiError(cause.status, prefix + cause.error, detail)

    async def describe_model(self, _request: Request) -> Response:
        """Answer ``GET /model``."""
        classifier = self.worker.classifier
        runtime = classifier.runtime
        description = ModelDescription.model_validate(
            {
                **self.model.info.metadata,
                **({"precision": runtime.precision} if runtime.precision else {}),
                "tag": str(self.model.tag),
                "labels": classifier.labels,
                "runtime": runtime.name,
                "created_at": self.model.info.creation_time,
                "self_check": self.worker.self_check.to_json(),
            }
        )
        return Response(description.model_dump_json(), media_type=JSON_MEDIA_TYPE)


def to_api_error(failure: Failure) -> ApiError:
    """Return the error response for a failure of the pipeline."""
    if isinstance(failure, PredictionLogError):
        return ApiError(503, f"{NOT_RECORDED}: {failure}")
    return ERRORS[type(failure)]


NOT_RECORDED = "the prediction could not be recorded, so it is not answered"
ERRORS: dict[type[Failure], ApiError] = {
    DisconnectedError: CLIENT_DISCONNECTED,
    QueueTimeoutError: QUEUE_TIMEOUT,
    ClassificationError: CLASSIFICATION_FAILED,
}


def served_model() -> bentoml.Model:
    """Return the model that the Bento was built with; in a checkout, the one of MODEL_TAG."""
    bento = cast(Any, SentimentService).bento
    if bento is None:
        return SentimentModelRef(ModelSettings().tag).resolve()
    (packed,) = bento.info.all_models
    return bentoml.models.get(packed.tag)


cast(Any, SentimentService).add_asgi_middleware(ApiMiddleware)
cast(Any, SentimentService).add_asgi_middleware(StartCheck)
cast(Any, SentimentService).make_batcher = partial(MicroBatcher, NUM_STREAMS, batch_prefix_length)
