"""The service as it is, but for the mistakes that certain texts cause in it.

`bentoml serve tests.support.mistakes:SentimentService` serves it.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import service
from api.micro_batcher import MicroBatcher
from db.spool.spool import Spool
from inference.batching import batch_prefix_length
from inference.classifier import Classifier
from inference.stream_scheduler import NUM_STREAMS
from tests.support.server import eventually

FAILS_THE_LOOP = "this text fails the batching loop"
ENDS_THE_LOOP = "this text ends the batching loop"
FAILS_THE_BATCH = "this text fails whatever it is classified with"
HOLDS_UP = "this text takes until there is a file "
"""With the file's path behind it."""
HELD_UP = "a text holds the model up"
PATIENCE_S = 120
PROBED = "the disk was probed"

_classify_each, _check = Classifier.classify_each, Spool.check


class Fatal(BaseException):
    """What no loop survives."""


class FaultyMicroBatcher(MicroBatcher):
    """Takes no batch while a text in line is not to be survived."""

    def _take(self) -> Sequence[Any]:
        waiting = [job.item.text for job in self._queue]
        if FAILS_THE_LOOP in waiting:
            raise RuntimeError(FAILS_THE_LOOP)
        if ENDS_THE_LOOP in waiting:
            raise Fatal(ENDS_THE_LOOP)
        return super()._take()


def classify_each(self: Classifier, texts: Sequence[str]) -> Any:
    """Classify texts, once they allow it, unless one is not to be survived."""
    if FAILS_THE_BATCH in texts:
        raise RuntimeError(FAILS_THE_BATCH)
    for text in texts:
        if text.startswith(HOLDS_UP):
            service.logger.info(HELD_UP)
            eventually(Path(text.removeprefix(HOLDS_UP)).exists, PATIENCE_S)
    return _classify_each(self, texts)


def check(self: Spool) -> None:
    """Probe the disk, and say so."""
    service.logger.info(PROBED)
    _check(self)


setattr(Classifier, "classify_each", classify_each)  # noqa: B010  # mypy lets none be assigned
setattr(Spool, "check", check)  # noqa: B010
SentimentService = service.SentimentService
cast(Any, SentimentService).make_batcher = partial(
    FaultyMicroBatcher, NUM_STREAMS, batch_prefix_length
)
