"""The service, made to fail or block by certain texts; `service_faults.SERVE_FAULTY` runs it."""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import service
from api.micro_batcher import MicroBatcher
from db.spool.spool import Spool
from inference.batching import batch_prefix_length
from inference.classifier import Classifier
from inference.openvino_runtime import OpenVinoRuntime
from inference.stream_scheduler import NUM_STREAMS
from tests.support.server import eventually
from tests.support.service_faults import (
    BLOCKED,
    BLOCKS_UNTIL,
    ENDS_THE_LOOP,
    FAILS_THE_BATCH,
    FAILS_THE_LOOP,
    PREPARE_AFTER,
    PROBED,
    STARTED_SUFFIX,
)

TIMEOUT_S = 120

_classify_each, _check, _warm_up = (
    Classifier.classify_each,
    Spool.check_writable,
    OpenVinoRuntime.warm_up,
)


class FatalError(BaseException):
    """Ends the batching loop, which survives any Exception."""


class FaultyMicroBatcher(MicroBatcher):
    """Raises instead of taking a batch if a certain text waits."""

    def _take(self) -> Sequence[Any]:
        waiting = [job.item.text for job in self._queue]
        if FAILS_THE_LOOP in waiting:
            raise RuntimeError(FAILS_THE_LOOP)
        if ENDS_THE_LOOP in waiting:
            raise FatalError(ENDS_THE_LOOP)
        return super()._take()


def classify_each(self: Classifier, texts: Sequence[str]) -> Any:
    """Classify texts, after blocking or failing on those that demand it."""
    if FAILS_THE_BATCH in texts:
        raise RuntimeError(FAILS_THE_BATCH)
    for text in texts:
        if text.startswith(BLOCKS_UNTIL):
            service.logger.info(BLOCKED)
            eventually(Path(text.removeprefix(BLOCKS_UNTIL)).exists, TIMEOUT_S)
    return _classify_each(self, texts)


def check(self: Spool) -> None:
    """Probe the disk and log it."""
    service.logger.info(PROBED)
    _check(self)


def warm_up(self: OpenVinoRuntime, *passes: Any) -> None:
    """Prepare the model, once the file PREPARE_AFTER exists if that is set."""
    if PREPARE_AFTER in os.environ:
        allowed = Path(os.environ[PREPARE_AFTER])
        allowed.with_suffix(STARTED_SUFFIX).touch()
        eventually(allowed.exists, TIMEOUT_S)
    _warm_up(self, *passes)


setattr(Classifier, "classify_each", classify_each)  # noqa: B010  # mypy rejects an assignment
setattr(Spool, "check_writable", check)  # noqa: B010
setattr(OpenVinoRuntime, "warm_up", warm_up)  # noqa: B010
SentimentService = service.SentimentService
cast(Any, SentimentService).make_batcher = partial(
    FaultyMicroBatcher, NUM_STREAMS, batch_prefix_length
)
