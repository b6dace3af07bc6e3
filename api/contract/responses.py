"""Response bodies."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

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


class PredictResponse(BaseModel):
    """The response of ``POST /predict``."""

    label: Label
    score: Score
    latency_ms: Annotated[
        float,
        Field(
            ge=0,
            description="Milliseconds from reading the request to the result, queueing included.",
            json_schema_extra={"example": 163.98},
        ),
    ]


class BatchItem(BaseModel):
    """One item of the response of ``POST /predict_batch``."""

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
        Field(description="True if the model read only the beginning, since the text is too long."),
    ]


class SelfCheckResult(BaseModel):
    """How the model's results on this machine compare with the original model's."""

    passed: bool
    reference: Annotated[
        str,
        Field(
            description="What the results were compared with: `original` (transformers in float32),"
            " `dequantized` (the model's own graph in float32), or `none`."
        ),
    ]
    precision: str
    processor: str
    texts: int
    deviation: Annotated[float, Field(description="The largest difference of a probability.")]
    bound: Annotated[float, Field(description="The largest difference that is accepted.")]


class ModelDescription(BaseModel):
    """The response of ``GET /model``: the model that is served.

    The fields from ``precision`` on come from the stored model's metadata. With RUNTIME=torch, and
    after a failed self-check of int8, ``precision`` is that of the computation.
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
