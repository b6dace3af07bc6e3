"""Reject requests cheaply under overload, so that the model keeps the processor.

A request that admission control would reject is rejected as soon as its headers are parsed: that
takes a third of the processor time that it takes through uvicorn's, BentoML's and our own layers.
"""

from starlette.datastructures import Headers
from uvicorn import config

from api.contract.errors import ApiError
from api.contract.requests import BATCH_PATH, BODIES
from api.http.middleware import STATE, ApiMiddleware
from patches.uvicorn_protocol import BoundedProtocol

PATHS = {path.encode(): path for path in BODIES}


class LoadSheddingProtocol(BoundedProtocol):
    """One connection, whose requests may be rejected by their headers alone."""

    _rejection: ApiError | None = None

    def on_headers_complete(self) -> None:
        """Start the request, unless it is rejected: then its body is read and dropped."""
        self._rejection = self._reject_by_headers()
        if self._rejection is None:
            super().on_headers_complete()
        else:
            self._is_in_head = False  # the header timeout goes on, now for the body

    def on_body(self, body: bytes) -> None:
        """Pass on a part of the body, unless the request is rejected."""
        if self._rejection is None:
            super().on_body(body)
        else:
            self._unparsed_bytes = 0

    def on_message_complete(self) -> None:
        """End the request, or send its rejection."""
        error, self._rejection = self._rejection, None
        if error is None:
            super().on_message_complete()
            return
        self._cancel_timeout()
        closes = not self.parser.should_keep_alive()
        self._send(error, Headers(raw=self.headers).get("x-request-id", ""), closes=closes)
        if closes:
            self.flow.close()
        self.on_response_complete()

    def _reject_by_headers(self) -> ApiError | None:
        """Return the error that the middleware would answer, None if it has to decide itself."""
        api: ApiMiddleware | None = self.app_state.get(STATE)
        path = PATHS.get(self.url)
        if api is None or path is None or api.admission.has_room(is_batch=path == BATCH_PATH):
            return None
        is_first = self._current is None or self._current.response_complete
        is_plain = not self.parser.should_upgrade() and not self.expect_100_continue
        if not is_first or not is_plain or self.parser.get_method() != b"POST":
            return None
        if not api.keys.is_authorized("POST", path, Headers(raw=self.headers)):
            return None
        try:
            api.admission.check_room(is_batch=path == BATCH_PATH)
        except ApiError as error:
            return error
        return None


def use_load_shedding_protocol() -> None:
    """Make it the protocol of all uvicorn servers that start in this process from now on."""
    config.HTTP_PROTOCOLS["auto"] = f"{__name__}:{LoadSheddingProtocol.__name__}"
