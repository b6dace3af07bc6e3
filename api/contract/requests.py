"""What a client may post, and how it reaches the endpoints."""

from dataclasses import dataclass
from typing import Annotated, Any

import bentoml
from bentoml.exceptions import NotFound
from pydantic import AfterValidator, BaseModel, ConfigDict, FailFast, Field, model_validator
from pydantic_core import PydanticCustomError
from starlette.requests import Request

# Examples are given as OpenAPI 3.0's `example`, which BentoML's page fills into "Try it out".
MAX_TEXT_CHARACTERS = 5_000
MAX_TEXTS_PER_REQUEST = 128
MAX_SHOWN_CHARACTERS = 100
UNKNOWN_FIELD = "unknown_field"  # the type of such an error
# What JSON Schema's patterns, ECMAScript's, call white space: a text of nothing else is blank.
WHITE_SPACE = "\t\n\v\f\r \u00a0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff" + "".join(
    map(chr, range(0x2000, 0x200B))
)
# Where the guard leaves the validated body in the ASGI scope, for the endpoint to pick up.
PARSED_REQUEST = "sentiment.validated"


def _not_blank(text: str) -> str:
    if not text.strip(WHITE_SPACE):
        raise PydanticCustomError("blank", "must not be empty or blank")
    return text


Text = Annotated[
    str,
    Field(
        max_length=MAX_TEXT_CHARACTERS,
        json_schema_extra={"minLength": 1, "pattern": r"\S"},  # refused in words of ours
    ),
    AfterValidator(_not_blank),
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _name_one_unknown_field(cls, content: Any) -> Any:
        """Refuse unknown fields with the first: pydantic lists all, and a body may have 100,000."""
        if isinstance(content, dict):
            known = set(cls.__annotations__)
            for name in content:
                if name not in known:
                    shown = name[:MAX_SHOWN_CHARACTERS]
                    raise PydanticCustomError(
                        UNKNOWN_FIELD,
                        "unknown field {name}",
                        {"name": repr(shown), "field": shown},
                    )
        return content


class PredictRequest(_Body):
    """The body of ``POST /predict``."""

    text: Annotated[
        Text,
        Field(
            description="The tweet to classify.",
            json_schema_extra={"example": "Beautiful post!!!"},
        ),
    ]

    def all_texts(self) -> list[str]:
        """Return what is to be classified."""
        return [self.text]


class PredictBatchRequest(_Body):
    """The body of ``POST /predict_batch``."""

    texts: Annotated[
        list[Text],
        FailFast(),
        Field(
            min_length=1,
            max_length=MAX_TEXTS_PER_REQUEST,
            description="The tweets to classify; the answers come in the same order.",
            json_schema_extra={"example": ["Beautiful post!!!", "Lost my keys. Again."]},
        ),
    ]

    def all_texts(self) -> list[str]:
        """Return what is to be classified."""
        return self.texts


Body = PredictRequest | PredictBatchRequest
BATCH_PATH = "/predict_batch"
BODIES: dict[str, type[Body]] = {"/predict": PredictRequest, BATCH_PATH: PredictBatchRequest}


@dataclass(slots=True)
class RequestState:
    """Who waits for an answer, or has left; ``request_id`` is for the log.

    ``started`` tells that the first of the request's texts was begun with.
    """

    request_id: str = "unknown"
    disconnected: bool = False
    started: bool = False


@dataclass(frozen=True, slots=True)
class ParsedRequest:
    """A body that passed the guard; ``arrived_s`` is the ``time.perf_counter()`` of that."""

    body: Body
    arrived_s: float
    state: RequestState

    def items(self) -> "list[TextItem]":
        """Return the texts, each with what is known of their request."""
        return [TextItem(text, self.arrived_s, self.state) for text in self.body.all_texts()]


@dataclass(frozen=True, slots=True)
class TextItem:
    """One text to classify, with the moment (``time.perf_counter()``) of its arrival."""

    text: str
    arrived_s: float
    state: RequestState


def _questions(request: Request) -> list[TextItem]:
    """Return what the guard has validated. Raises NotFound where it let a path pass unread."""
    validated: ParsedRequest | None = request.scope.get(PARSED_REQUEST)
    if validated is None:
        raise NotFound("this path takes no body")
    return validated.items()


class PredictInput(bentoml.IODescriptor):
    """One posted text, as the list of one that BentoML joins with its neighbours to a batch."""

    text: list[TextItem]

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Describe what a client posts: a single string."""
        return PredictRequest.model_json_schema(*args, **kwargs)

    @classmethod
    async def from_http_request(cls, request: Request, serde: Any) -> "PredictInput":
        """Take over what the guard has validated."""
        return cls(text=_questions(request))


class PredictBatchInput(bentoml.IODescriptor):
    """Posted texts that are classified and recorded together."""

    texts: list[TextItem]

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Describe what a client posts: a list of strings."""
        return PredictBatchRequest.model_json_schema(*args, **kwargs)

    @classmethod
    async def from_http_request(cls, request: Request, serde: Any) -> "PredictBatchInput":
        """Take over what the guard has validated."""
        return cls(texts=_questions(request))
