"""The outermost layer: authentication, admission, body validation, and errors as JSON."""

import asyncio
import logging
import re
import time
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.contract.errors import CLIENT_DISCONNECTED, QUEUE_TIMEOUT, QUEUE_TIMEOUT_S, ApiError
from api.contract.requests import BATCH_PATH, BODIES, ParsedRequest, RequestState
from api.http.admission import AdmissionControl, Slot
from api.http.auth import ApiKeys
from api.http.body_reader import BODY_TIMEOUT_S, BodyReader
from api.http.cors import Cors
from api.http.io_descriptors import PARSED_REQUEST
from api.http.log import REQUEST_ID
from api.http.metrics import responses
from api.http.response_normalizer import ResponseNormalizer
from api.settings import ApiSettings

REQUEST_TIMEOUT_S = 55.0  # less than BentoML's own, whose response has another shape
CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f]")  # routers ignore a newline at a path's end
STATE = "sentiment.api"
"""The key in the lifespan state under which the servers of this process find the middleware."""

logger = logging.getLogger("bentoml.sentiment.api")


class ApiMiddleware:
    """ASGI middleware that checks requests before the application, and completes responses."""

    def __init__(
        self,
        app: ASGIApp,
        settings: ApiSettings | None = None,
        admission: AdmissionControl | None = None,
        body_timeout_s: float = BODY_TIMEOUT_S,
        timeout_s: float = REQUEST_TIMEOUT_S,
    ) -> None:
        """Wrap an application. Raises ApiSettingsError."""
        settings = settings or ApiSettings()
        self._app = app
        self.keys = ApiKeys(settings.keys, settings.paths)
        self.admission = admission or AdmissionControl()
        self.cors = Cors(settings.origins)
        self._bodies = BodyReader(body_timeout_s)
        self._timeout_s = timeout_s
        responses()  # registers the counters, so that they start at zero
        if not self.keys:
            logger.warning("API_KEYS is not set: authentication is off")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request, or the lifespan."""
        if scope["type"] == "lifespan":
            scope.get("state", {})[STATE] = self
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # no endpoint uses WebSocket
            await send({"type": "websocket.close", "code": 1008})
            return
        normalizer = ResponseNormalizer(scope, receive, send, self.cors)
        REQUEST_ID.set(normalizer.request_id)
        timeout = asyncio.timeout(self._timeout_s)
        try:
            async with timeout:
                await self._handle(scope, receive, normalizer)
        except ApiError as error:
            await error.to_response()(scope, receive, normalizer)
        except ClientDisconnect:
            await CLIENT_DISCONNECTED.to_response()(scope, receive, normalizer)
        except Exception:  # pylint: disable=broad-exception-caught  # of any layer below
            if timeout.expired():
                await normalizer.send_error(HTTPStatus.GATEWAY_TIMEOUT)
                return
            logger.exception("request %s failed", normalizer.request_id)
            await normalizer.send_error(HTTPStatus.INTERNAL_SERVER_ERROR)

    async def _handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers, path = Headers(scope=scope), scope["path"]
        if (preflight := self.cors.preflight(scope["method"], headers)) is not None:
            await preflight(scope, receive, send)
            return
        self.keys.check(scope["method"], path, headers)
        model = BODIES.get(path) if scope["method"] == "POST" else None
        if model is None:
            if CONTROL_CHARACTERS.search(path):
                raise ApiError(HTTPStatus.NOT_FOUND, HTTPStatus.NOT_FOUND.phrase)
            await self._app(scope, receive, send)
            return
        self.admission.check_room(is_batch=path == BATCH_PATH)  # before the body is read
        request = await self._bodies.read(model, headers, receive)
        await self._predict(request, scope, receive, send)

    async def _predict(
        self, request: ParsedRequest, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Admit a request and run its endpoint, unless the client disconnects while it queues."""
        scope[PARSED_REQUEST] = request
        texts, is_batch = len(request.body.all_texts()), scope["path"] == BATCH_PATH
        watcher = asyncio.ensure_future(_watch_disconnect(request.state, receive))
        try:
            with self.admission.acquire(texts, is_batch=is_batch) as slot:

                async def release_and_send(message: Message) -> None:
                    slot.release()  # a client may read its response slowly, or not at all
                    await send(message)

                await _wait_until_admitted(slot, watcher, request.arrived_s)
                await self._app(scope, receive, release_and_send)
        finally:
            watcher.cancel()


async def _wait_until_admitted(
    slot: Slot, watcher: "asyncio.Future[None]", arrived_s: float
) -> None:
    """Wait while the request is queued. Raises ApiError after QUEUE_TIMEOUT_S, ClientDisconnect."""
    if slot.admitted is None:
        return
    rest_s = arrived_s + QUEUE_TIMEOUT_S - time.perf_counter()
    await asyncio.wait(
        (slot.admitted, watcher), timeout=rest_s, return_when=asyncio.FIRST_COMPLETED
    )
    if watcher.done():
        raise ClientDisconnect
    if not slot.admitted.done():
        raise ApiError(QUEUE_TIMEOUT.status, QUEUE_TIMEOUT.error)


async def _watch_disconnect(state: RequestState, receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    state.disconnected = True
