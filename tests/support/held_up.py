"""A service whose model is held up, so that whatever else is asked has to wait."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx

from inference.stream_scheduler import NUM_STREAMS
from tests.support.mistakes import HELD_UP, HOLDS_UP
from tests.support.server import BENTOML, Server, eventually

SERVE_MISTAKES = [BENTOML, "serve", "tests.support.mistakes:SentimentService", "--port", "{port}"]
PATIENCE_S = 60


@contextmanager
def held_up(
    server: Server, until: Path, headers: dict[str, str] | None = None
) -> Iterator[list[Future[httpx.Response]]]:
    """Have texts hold up all lanes, which end once there is a file; make it in the end."""
    before = server.log.count(HELD_UP)
    busy: list[Future[httpx.Response]] = []

    def ask() -> httpx.Response:
        text = f"{HOLDS_UP}{until}"
        return httpx.post(f"{server.url}/predict", json={"text": text}, headers=headers)

    with ThreadPoolExecutor(NUM_STREAMS) as clients:
        while len(busy) < NUM_STREAMS:  # one by one, so that they share no batch
            busy.append(clients.submit(ask))
            eventually(lambda: server.log.count(HELD_UP) == before + len(busy), PATIENCE_S)
        try:
            yield busy
        finally:
            until.touch()


def in_progress(server: Server, path: str = "/predict") -> int:
    """Return how many requests for a path are being answered."""
    metrics = httpx.get(f"{server.url}/metrics").text
    lines = [line for line in metrics.splitlines() if "request_in_progress{" in line]
    return round(sum(float(line.split()[-1]) for line in lines if f'endpoint="{path}"' in line))
