"""Clients of `tests.support.faulty_service`: texts that make it fail or block."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx

from inference.stream_scheduler import NUM_STREAMS
from tests.support.server import BENTOML, Server, eventually

FAULTY_SERVICE = "tests.support.faulty_service:SentimentService"
SERVE_FAULTY = [BENTOML, "serve", FAULTY_SERVICE, "--port", "{port}"]
FAILS_THE_LOOP = "this text raises an exception in the batching loop"
ENDS_THE_LOOP = "this text ends the batching loop"
FAILS_THE_BATCH = "this text fails its batch"
BLOCKS_UNTIL = "this text blocks the model until this file exists: "
BLOCKED = "a text blocks the model"
PROBED = "the disk was probed"
PREPARE_AFTER = "PREPARE_AFTER"
"""A variable with a file: the model is prepared once it exists; STARTED_SUFFIX marks the start."""
STARTED_SUFFIX = ".started"
TIMEOUT_S = 60


@contextmanager
def blocked_model(
    server: Server, until: Path, headers: dict[str, str] | None = None
) -> Iterator[list[Future[httpx.Response]]]:
    """Block all streams of the model until the file ``until`` exists; yield the open requests.

    The context's end creates the file.
    """
    before = server.log.count(BLOCKED)
    requests: list[Future[httpx.Response]] = []

    def post() -> httpx.Response:
        body = {"text": f"{BLOCKS_UNTIL}{until}"}
        return httpx.post(f"{server.url}/predict", json=body, headers=headers)

    with ThreadPoolExecutor(NUM_STREAMS) as clients:
        while len(requests) < NUM_STREAMS:  # one by one, so that they share no batch
            requests.append(clients.submit(post))
            eventually(lambda: server.log.count(BLOCKED) == before + len(requests), TIMEOUT_S)
        try:
            yield requests
        finally:
            until.touch()


def requests_in_progress(server: Server, path: str = "/predict") -> int:
    """Return the service's gauge of open requests to a path."""
    metrics = httpx.get(f"{server.url}/metrics").text
    lines = [line for line in metrics.splitlines() if "request_in_progress{" in line]
    return round(sum(float(line.split()[-1]) for line in lines if f'endpoint="{path}"' in line))
