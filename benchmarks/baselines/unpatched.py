"""The service with one part as BentoML, uvicorn or Python has it; WITHOUT_PATCH names the part.

``bentoml serve benchmarks.baselines.unpatched:SentimentService``. It starts only with UNCHECKED=1
if the part is one that is checked at start, and rejects every text if IS_FULL=1.
"""

import os
from typing import Any

from _bentoml_impl.server.app import ServiceAppFactory
from bentoml._internal.server import http_app
from uvicorn import config

from api.http.admission import AdmissionControl
from patches import checks, usage_tracking
from patches.bentoml_app import REQUEST_ID_FILTER, AppFactory
from patches.uvicorn_protocol import BoundedProtocol


def do_nothing(*_: Any) -> None:
    """Apply no patch."""


WITHOUT = os.environ["WITHOUT_PATCH"]
if WITHOUT == "the opt-out of usage tracking":
    setattr(usage_tracking, "disable_usage_tracking", do_nothing)  # noqa: B010  # for mypy

# pylint: disable=wrong-import-position  # importing the service applies patches
import service  # noqa: E402
import startup  # noqa: E402

SentimentService = service.SentimentService
service_config: dict[str, Any] = vars(service)["SentimentService"].config
make_app = AppFactory.__call__


def make_app_without(factory: AppFactory) -> Any:
    """Make the application, with BentoML's own log."""
    http_app.logger.removeFilter(REQUEST_ID_FILTER)
    return make_app(factory)


if os.environ.get("UNCHECKED"):
    setattr(checks, "PATCHES", ())  # noqa: B010
if os.environ.get("IS_FULL"):
    AdmissionControl.__init__.__defaults__ = (0,)  # texts in flight
match WITHOUT:
    case "the micro-batcher":
        for name in ("__init__", "readyz", "livez"):
            setattr(AppFactory, name, getattr(ServiceAppFactory, name))
    case "the limit of metrics":
        setattr(AppFactory, "middlewares", ServiceAppFactory.middlewares)  # noqa: B010
    case "the request id in BentoML's log":
        setattr(AppFactory, "__call__", make_app_without)  # noqa: B010
    case "the HTTP protocol":
        config.HTTP_PROTOCOLS["auto"] = "uvicorn.protocols.http.httptools_impl:HttpToolsProtocol"
    case "load shedding in the protocol":
        config.HTTP_PROTOCOLS["auto"] = f"{BoundedProtocol.__module__}:{BoundedProtocol.__name__}"
    case "the check of the address":
        setattr(startup, "check_address_before_listening", do_nothing)  # noqa: B010
    case "rare garbage collections":
        setattr(service, "limit_garbage_collection", do_nothing)  # noqa: B010
    case "no tracing":
        service_config.pop("tracing")
    case "no access log":
        service_config.pop("logging")
