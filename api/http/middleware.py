"""The outermost layer: nobody unknown and nothing malformed comes in, nothing unshaped goes out."""

import asyncio
import logging
import re
import time
from collections.abc import Mapping
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.contract.errors import (
    CLIENT_DISCONNECTED,
    QUEUE_TIMEOUT,
    QUEUE_TIMEOUT_S,
    RETRY_AFTER_S,
    ApiError,
)
from api.contract.requests import BATCH_PATH, BODIES, ParsedRequest, RequestState
from api.http.admission import AdmissionControl, Slot
from api.http.auth import ApiKeys
from api.http.body_reader import BODY_TIMEOUT_S, JSON_MEDIA_TYPE, BodyReader
from api.http.cors import Cors
from api.http.headers import REQUEST_ID_HEADER, complete, request_id
from api.http.io_descriptors import PARSED_REQUEST
from api.http.log import REQUEST_ID, rate_limited_logger
from api.http.metrics import NOT_COUNTED, count_response, responses
from api.settings import ApiSettings

# No endpoint answers these: they come from the router, in the router's words. Where another slash
# would make a path, it leads there, by way of whatever host the request has named.
ANSWERS_OF_THE_ROUTER: Mapping[int, int] = {
    HTTPStatus.NOT_FOUND: HTTPStatus.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED: HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.TEMPORARY_REDIRECT: HTTPStatus.NOT_FOUND,
}
# Less than BentoML's own timeout, which stands outside of this with an answer of its own.
REQUEST_TIMEOUT_S = 55.0
# Routers take a path with a newline at its end for the one without.
CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f]")
# What BentoML answers, as JSON, where an endpoint raises what it should not.
WORDS_OF_BENTOML = b"please check the server log"
STATE = "sentiment.api"
"""The key in the lifespan state under which the servers of this process find the middleware."""

logger = logging.getLogger("bentoml.sentiment.api")
strangers = rate_limited_logger("bentoml.sentiment.strangers")
unavailable = rate_limited_logger("bentoml.sentiment.unavailable")


class ApiMiddleware:
    """ASGI middleware: keys, bodies and load on the way in, headers and errors on the way out."""

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
        self._deadline_s = timeout_s
        responses()  # so that they are shown from the start
        if not self.keys:
            logger.warning("API_KEYS is not set: whoever reaches this port may call")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what is refused; pass on the rest, its body validated, in ``scope``."""
        if scope["type"] == "lifespan":
            scope.get("state", {})[STATE] = self
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # nothing here speaks WebSocket
            await send({"type": "websocket.close", "code": 1008})
            return
        shaper = ResponseNormalizer(scope, receive, send, self.cors)
        REQUEST_ID.set(shaper.request_id)
        deadline = asyncio.timeout(self._deadline_s)
        try:
            async with deadline:
                await self._answer(scope, receive, shaper)
        except ApiError as refused:
            await refused.to_response()(scope, receive, shaper)
        except ClientDisconnect:
            await CLIENT_DISCONNECTED.to_response()(scope, receive, shaper)
        except Exception:  # pylint: disable=broad-exception-caught  # whatever a layer below raises
            if deadline.expired():
                await shaper.fail(HTTPStatus.GATEWAY_TIMEOUT)
                return
            logger.exception("request %s failed", shaper.request_id)
            await shaper.fail(HTTPStatus.INTERNAL_SERVER_ERROR)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
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
        validated = await self._bodies.read(model, headers, receive)
        await self._work(validated, scope, receive, send)

    async def _work(
        self, validated: ParsedRequest, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Have it answered, unless the client leaves before its turn comes."""
        scope[PARSED_REQUEST] = validated
        texts, is_batch = len(validated.body.all_texts()), scope["path"] == BATCH_PATH
        watch = asyncio.ensure_future(_watch(validated.state, receive))
        try:
            with self.admission.acquire(texts, is_batch=is_batch) as slot:

                async def send_and_leave(message: Message) -> None:
                    slot.release()  # a client may take its answer slowly, or not at all
                    await send(message)

                await _wait_until_admitted(slot, watch, validated.arrived_s)
                await self._app(scope, receive, send_and_leave)
        finally:
            watch.cancel()


async def _wait_until_admitted(slot: Slot, watch: "asyncio.Future[None]", arrived_s: float) -> None:
    """Wait in line, if need be. Raises ApiError where that takes too long, ClientDisconnect."""
    if slot.admitted is None:
        return
    rest_s = arrived_s + QUEUE_TIMEOUT_S - time.perf_counter()
    await asyncio.wait((slot.admitted, watch), timeout=rest_s, return_when=asyncio.FIRST_COMPLETED)
    if watch.done():
        raise ClientDisconnect
    if not slot.admitted.done():
        raise ApiError(QUEUE_TIMEOUT.status, QUEUE_TIMEOUT.error)


async def _watch(state: RequestState, receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    state.disconnected = True


class ResponseNormalizer:
    """Send messages to a client, with our headers; an error that is no JSON object becomes one."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, cors: Cors) -> None:
        headers = Headers(scope=scope)
        self._scope = scope
        self._receive = receive
        self._send = send
        self._cors = cors
        self._origin = headers.get("origin", "")
        self._has_started = False
        self._is_replaced = False
        self._held: Message | None = None  # the start of a failure whose words are not known yet
        self.request_id = request_id(headers.get(REQUEST_ID_HEADER, ""))

    async def __call__(self, message: Message) -> None:
        if self._is_replaced:
            return
        if message["type"] == "http.response.start" and message["status"] >= 300:
            status, headers = message["status"], MutableHeaders(scope=message)
            is_json = headers.get("content-type", "").startswith(JSON_MEDIA_TYPE)
            if status in ANSWERS_OF_THE_ROUTER or (status >= 400 and not is_json):
                await self._replace(ANSWERS_OF_THE_ROUTER.get(status, status), headers)
                return
            if status == HTTPStatus.SERVICE_UNAVAILABLE:
                headers.setdefault("Retry-After", str(RETRY_AFTER_S))
            if status >= 500:
                self._held = message
                return
        if self._held is not None:
            held, self._held = self._held, None
            if WORDS_OF_BENTOML in message.get("body", b""):
                await self._replace(held["status"], MutableHeaders())
                return
            await self._pass(held)
        await self._pass(message)

    async def fail(self, status: HTTPStatus) -> None:
        """Answer a failure where nothing was answered yet; else nothing more can be said."""
        if not self._has_started:
            await self._say(status, MutableHeaders())

    async def _replace(self, status: int, headers: MutableHeaders) -> None:
        self._is_replaced = True
        await self._say(status, headers)

    async def _say(self, status: int, headers: MutableHeaders) -> None:
        response = ApiError(status, HTTPStatus(status).phrase).to_response()
        if "allow" in headers:
            response.headers["Allow"] = headers["allow"]
        await response(self._scope, self._receive, self._pass)

    async def _pass(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._has_started = True
            self._log(message["status"])
            if self._scope["path"] not in NOT_COUNTED:
                count_response(message["status"])
            headers = complete(message["headers"], self.request_id)
            message["headers"] = self._cors.complete(headers, self._origin)
        await self._send(message)

    def _log(self, status: int) -> None:
        """Tell of failures and strangers; of what clients do wrong, only they are told."""
        if status >= 500 or status == HTTPStatus.UNAUTHORIZED:
            loudly = unavailable if status == HTTPStatus.SERVICE_UNAVAILABLE else logger
            tell = loudly.warning if status >= 500 else strangers.info
            method, path = self._scope["method"], self._scope["path"]
            tell("request %s: %s %.100r was answered %d", self.request_id, method, path, status)
