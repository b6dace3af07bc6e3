"""Request bodies, and the texts that they become."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, FailFast, Field, model_validator
from pydantic_core import PydanticCustomError

MAX_TEXT_CHARACTERS = 5_000
MAX_TEXTS_PER_REQUEST = 128
MAX_SHOWN_CHARACTERS = 100
UNKNOWN_FIELD = "unknown_field"  # the type of this validation error
# The white space of JSON Schema patterns (ECMAScript's \s): a text of nothing else is blank.
WHITE_SPACE = "\t\n\v\f\r \u00a0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff" + "".join(
    map(chr, range(0x2000, 0x200B))
)


def _not_blank(text: str) -> str:
    if not text.strip(WHITE_SPACE):
        raise PydanticCustomError("blank", "must not be empty or blank")
    return text


Text = Annotated[
    str,
    Field(
        max_length=MAX_TEXT_CHARACTERS,
        # in the schema only: _not_blank has a clearer message
        json_schema_extra={"minLength": 1, "pattern": r"\S"},
    ),
    AfterValidator(_not_blank),
]


class _Body(BaseModel):
    # OpenAPI 3.0's `example` is what BentoML's page fills into "Try it out".
    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _reject_unknown_field(cls, content: Any) -> Any:
        """Report only the first unknown field: pydantic would list all, which may be 100,000."""
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
        """Return the texts to classify."""
        return [self.text]


class PredictBatchRequest(_Body):
    """The body of ``POST /predict_batch``."""

    texts: Annotated[
        list[Text],
        FailFast(),
        Field(
            min_length=1,
            max_length=MAX_TEXTS_PER_REQUEST,
            description="The tweets to classify; the results have the same order.",
            json_schema_extra={"example": ["Beautiful post!!!", "Lost my keys. Again."]},
        ),
    ]

    def all_texts(self) -> list[str]:
        """Return the texts to classify."""
        return self.texts


Body = PredictRequest | PredictBatchRequest
BATCH_PATH = "/predict_batch"
BODIES: dict[str, type[Body]] = {"/predict": PredictRequest, BATCH_PATH: PredictBatchRequest}


@dataclass(slots=True)
class RequestState:
    """The state of a request in progress.

    ``request_id`` is for the log, ``disconnected`` is true once the client has left, ``started``
    once the model was given the first text.
    """

    request_id: str = "unknown"
    disconnected: bool = False
    started: bool = False


@dataclass(frozen=True, slots=True)
class TextItem:
    """One text to classify; ``arrived_s`` is the ``time.perf_counter()`` of its arrival."""

    text: str
    arrived_s: float
    state: RequestState


@dataclass(frozen=True, slots=True)
class ParsedRequest:
    """A validated body; ``arrived_s`` is the ``time.perf_counter()`` of its arrival."""

    body: Body
    arrived_s: float
    state: RequestState

    def items(self) -> list[TextItem]:
        """Return the texts to classify."""
        return [TextItem(text, self.arrived_s, self.state) for text in self.body.all_texts()]
