"""Why a request that reached the service is not answered, in words for its client."""

from http import HTTPStatus

from api.contract.responses import Refusal

QUEUE_TIMEOUT_S = 10  # a request whose turn comes later than this is answered 503
CLIENT_CLOSED_REQUEST = 499  # nginx's, for the metrics; it reaches nobody

GONE = Refusal(CLIENT_CLOSED_REQUEST, "the client has left")
LATE = Refusal(
    HTTPStatus.SERVICE_UNAVAILABLE, f"the request waited longer than {QUEUE_TIMEOUT_S} s"
)
ENDING = Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "the service is ending: send the request again")
NOT_BATCHED = Refusal(
    HTTPStatus.SERVICE_UNAVAILABLE, "the request could not be batched: send it again"
)
NOT_CLASSIFIED = Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "the model failed on this text")
FAILED = Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.INTERNAL_SERVER_ERROR.phrase)
