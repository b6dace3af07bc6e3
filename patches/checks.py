"""The patches, and the check at start that each of them is in effect.

The start fails if a patch is lost, since that would be noticed only as an outage.
`python -m benchmarks patches` measures the gains.
"""

# The command needs none of what workers import.
# pylint: disable=import-outside-toplevel

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from bentoml.exceptions import BentoMLConfigException
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from patches import VERSIONS, circus_socket, usage_tracking
from process.supervision import command_pid, fail_start


@dataclass(frozen=True, slots=True)
class Worker:
    """The application that runs in this process, and the protocol class that serves it."""

    app: Starlette
    protocol: Any
    """None if no server runs the application, as in tests."""


@dataclass(frozen=True, slots=True)
class Patch:
    """A dependence on a private part of a library.

    ``gain`` is the ratio to the stock part, measured on 2 cores, or what the patch guards against.
    ``is_in_effect`` is called with None in the command, and with the worker in workers.
    """

    name: str
    module: str
    library: str
    private: str
    gain: str
    is_in_effect: Callable[[Worker | None], bool]


class PatchError(BentoMLConfigException):  # BentoML's CLI prints it without a traceback
    """A patch is not in effect, although its library has the expected version."""

    def __init__(self, patch: Patch) -> None:
        super().__init__(
            f"{patch.name} ({patch.module}) is not in effect with {patch.library} "
            f"{VERSIONS[patch.library]}: undo the change that lost it"
        )


class StartCheck:
    """ASGI middleware that checks the patches of a worker before its service is made."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Pass on. If a patch is not in effect, end the worker and its command at startup."""
        if scope["type"] == "lifespan":
            # uvicorn passes a method of an object that has its configuration
            config = getattr(getattr(receive, "__self__", None), "config", None)
            try:
                check_patches(Worker(scope["app"], getattr(config, "http_protocol_class", None)))
            except Exception as error:  # pylint: disable=broad-exception-caught  # else uvicorn
                fail_start(error)  # would take it for a missing lifespan and serve all the same
        return self._app(scope, receive, send)


def check_patches(worker: Worker | None = None) -> None:
    """Raise PatchError if a patch is not in effect in this command or worker."""
    for patch in PATCHES:
        if not patch.is_in_effect(worker):
            raise PatchError(patch)


def _has_micro_batcher(worker: Worker | None) -> bool:
    from api.micro_batcher import MicroBatcher

    if worker is None:
        return True
    factory = getattr(worker.app.router.lifespan_context, "__self__", None)
    batchers = getattr(factory, "dispatchers", {}).values()
    return bool(batchers) and all(isinstance(each, MicroBatcher) for each in batchers)


def _has_bounded_metrics(worker: Worker | None) -> bool:
    from bentoml._internal.server.http.instruments import RunnerTrafficMetricsMiddleware

    stock: Any = RunnerTrafficMetricsMiddleware
    return worker is None or all(each.cls is not stock for each in worker.app.user_middleware)


def _has_request_ids(worker: Worker | None) -> bool:
    from bentoml._internal.server.http_app import logger

    from patches.bentoml_app import REQUEST_ID_FILTER

    return worker is None or REQUEST_ID_FILTER in logger.filters


def _has_protocol(worker: Worker | None) -> bool:
    from patches.load_shedding import LoadSheddingProtocol

    if worker is None or not command_pid():
        return True
    return worker.protocol is LoadSheddingProtocol


def _has_address_check(worker: Worker | None) -> bool:
    return worker is not None or circus_socket.is_address_checked()


def _has_no_usage_tracking(_worker: Worker | None) -> bool:
    return usage_tracking.is_user_choice_respected()


PATCHES = (
    Patch(
        name="the micro-batcher",
        module="patches/bentoml_app.py",
        library="bentoml",
        private="ServiceAppFactory.dispatchers, whose CorkDispatcher no option replaces",
        gain="processor time per request 0.86 at 32 connections, 0.76 at 128",
        is_in_effect=_has_micro_batcher,
    ),
    Patch(
        name="the limit of metrics",
        module="patches/bentoml_app.py",
        library="bentoml",
        private="ServiceAppFactory.middlewares, RunnerTrafficMetricsMiddleware",
        gain="guards memory: BentoML keeps a dozen time series for each path that is requested",
        is_in_effect=_has_bounded_metrics,
    ),
    Patch(
        name="the request id in BentoML's log",
        module="patches/bentoml_app.py",
        library="bentoml",
        private="the logger of bentoml._internal.server.http_app",
        gain="relates an exception to the response whose X-Request-Id a client reports",
        is_in_effect=_has_request_ids,
    ),
    Patch(
        name="the HTTP protocol",
        module="patches/load_shedding.py",
        library="uvicorn",
        private="HttpToolsProtocol, FlowControl and config.HTTP_PROTOCOLS",
        gain="processor time per rejection 0.31; guards against slow clients and huge headers",
        is_in_effect=_has_protocol,
    ),
    Patch(
        name="the check of the address",
        module="patches/circus_socket.py",
        library="kantoku",
        private="CircusSocket",
        gain="guards against a traceback if the port is in use, and against a wrong port",
        is_in_effect=_has_address_check,
    ),
    Patch(
        name="the opt-out of usage tracking",
        module="patches/usage_tracking.py",
        library="bentoml",
        private="the cache of usage_stats.do_not_track",
        gain="guards privacy: the command reads the variable before it imports the service",
        is_in_effect=_has_no_usage_tracking,
    ),
    Patch(
        name="the atomic model store",
        module="patches/model_store.py",
        library="bentoml",
        private="ModelStore and BentoMLContainer, which know its folders",
        gain="guards the store: half a model makes BentoML fail to list any",
        is_in_effect=lambda _worker: True,  # nothing is replaced; a lost part fails its import
    ),
)
"""Checked in this order."""
