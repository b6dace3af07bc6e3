"""A BentoML service whose application is built by AppFactory."""

from collections.abc import Callable
from typing import TypeVar

import bentoml
from starlette.types import ASGIApp

from api.micro_batcher import MicroBatcher

MakeBatcher = Callable[[int, float], MicroBatcher]
"""Called with the maximum batch size and the queue timeout in seconds."""

T = TypeVar("T")


class PatchedService(bentoml.Service[T]):
    """Pass it to ``bentoml.service(service_class=...)``, then set ``make_batcher``."""

    make_batcher: MakeBatcher

    def to_asgi(self, is_main: bool = True) -> ASGIApp:
        """Return the application; BentoML's workers call this."""
        from patches.bentoml_app import (  # pylint: disable=import-outside-toplevel  # takes 0.3 s
            AppFactory,
        )

        self.inject_config()
        return AppFactory(self, is_main=is_main)()
