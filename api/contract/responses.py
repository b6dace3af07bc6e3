"""What a client is answered."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import bentoml
from _bentoml_sdk.io_models import IORootModel
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from api.contract.errors import ApiError

PREDICTION_ID_HEADER = "X-Prediction-Id"
TRUNCATED_HEADER = "X-Truncated"  # "true" or absent

Label = Annotated[
    str, Field(description="The most probable label.", json_schema_extra={"example": "positive"})
]
Score = Annotated[
    float,
    Field(
        ge=0, le=1, description="The label's probability.", json_schema_extra={"example": 0.9987}
    ),
]


@dataclass(frozen=True, slots=True)
class PredictionResult:
    """One classified and recorded text.

    ``scores`` holds the probability of every label; ``truncated`` is true if the model did not
    read the whole text.
    """

    prediction_id: UUID
    text: str
    label: str
    score: float
    scores: dict[str, float]
    latency_ms: float
    batch_size: int
    truncated: bool = False


class PredictOutput(bentoml.IODescriptor):
    """The answer of ``POST /predict``."""

    label: Label
    score: Score
    latency_ms: Annotated[
        float,
        Field(
            ge=0,
            description="Milliseconds from when the request was read to its result, queueing "
            "included.",
            json_schema_extra={"example": 163.98},
        ),
    ]

    @classmethod
    async def to_http_response(cls, obj: list[PredictionResult | ApiError], serde: Any) -> Response:
        """Send the one outcome that BentoML has cut out of the batch for this request."""
        (outcome,) = obj
        if isinstance(outcome, ApiError):
            return outcome.to_response()
        headers = {PREDICTION_ID_HEADER: str(outcome.prediction_id)}
        if outcome.truncated:
            headers[TRUNCATED_HEADER] = "true"
        return JSONResponse(
            {"label": outcome.label, "score": outcome.score, "latency_ms": outcome.latency_ms},
            headers=headers,
        )


class BatchItem(BaseModel):
    """One text's part of the answer of ``POST /predict_batch``."""

    prediction_id: Annotated[UUID, Field(description="The id of the recorded row.")]
    label: Label
    score: Score
    scores: Annotated[
        dict[str, float],
        Field(
            description="The probability of every label.",
            json_schema_extra={
                "example": {"negative": 0.0004, "neutral": 0.0009, "positive": 0.9987}
            },
        ),
    ]
    truncated: Annotated[
        bool,
        Field(description="The text is longer than the model can read: it read the beginning."),
    ]


class PredictBatchOutput(IORootModel[list[BatchItem]]):
    """The answer of ``POST /predict_batch``, in the order of the texts."""

    @classmethod
    async def to_http_response(
        cls, obj: list[PredictionResult] | ApiError, _serde: Any
    ) -> Response:
        """Send all answers, or the one refusal of the whole call."""
        if isinstance(obj, ApiError):
            return obj.to_response()
        return JSONResponse(
            [
                {
                    "prediction_id": str(answer.prediction_id),
                    "label": answer.label,
                    "score": answer.score,
                    "scores": answer.scores,
                    "truncated": answer.truncated,
                }
                for answer in obj
            ]
        )


class SelfCheckResult(BaseModel):
    """How the model's answers on this machine compare with the original model's."""

    passed: bool
    reference: Annotated[
        str,
        Field(
            description="What the answers were compared with: `original` (transformers in float32),"
            " `dequantized` (the model's own graph in float32), or `none`."
        ),
    ]
    precision: str
    processor: str
    texts: int
    deviation: Annotated[float, Field(description="The largest difference of a probability.")]
    bound: Annotated[float, Field(description="The largest difference that is accepted.")]


class ModelDescription(BaseModel):
    """The answer of ``GET /model``: what is being served.

    All from ``precision`` on stands in the stored model's metadata, next to much more; with
    RUNTIME=torch, and after a failed self-check of int8, ``precision`` is what is computed in.
    """

    model_config = ConfigDict(extra="ignore")

    tag: str
    labels: tuple[str, ...]
    runtime: str
    created_at: datetime
    self_check: SelfCheckResult
    precision: str
    origin: str = "unknown"
    metrics: dict[str, Any] = {}
