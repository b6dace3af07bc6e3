"""The service without the patch that WITHOUT_PATCH names.

`bentoml serve tests.support.unpatched:SentimentService` tries to start it.
"""

import os
from typing import Any

from uvicorn import config

from patches import usage_tracking


def do_nothing(*_: Any) -> None:
    """Apply no patch."""


WITHOUT = os.environ["WITHOUT_PATCH"]
if WITHOUT == "the opt-out of usage tracking":
    setattr(usage_tracking, "disable_usage_tracking", do_nothing)  # noqa: B010  # for mypy

# pylint: disable=wrong-import-position
from _bentoml_impl.server.app import ServiceAppFactory

import service  # it applies the patches
import startup
from patches.bentoml_app import REQUEST_ID_FILTER, AppFactory, http_app

SentimentService = service.SentimentService
make_app = AppFactory.__call__


def make_app_without(factory: AppFactory) -> Any:
    """Make the application, with BentoML's own log."""
    http_app.logger.removeFilter(REQUEST_ID_FILTER)
    return make_app(factory)


match WITHOUT:
    case "the micro-batcher":
        setattr(AppFactory, "__init__", ServiceAppFactory.__init__)  # noqa: B010
    case "the limit of metrics":
        setattr(AppFactory, "middlewares", ServiceAppFactory.middlewares)  # noqa: B010
    case "the request id in BentoML's log":
        setattr(AppFactory, "__call__", make_app_without)  # noqa: B010
    case "the HTTP protocol":
        config.HTTP_PROTOCOLS["auto"] = "uvicorn.protocols.http.httptools_impl:HttpToolsProtocol"
    case "the check of the address":
        setattr(startup, "check_address_before_listening", do_nothing)  # noqa: B010
