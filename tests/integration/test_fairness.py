"""Single texts and batches are both served under any load of the other."""

import json
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from api.contract.requests import MAX_TEXTS_PER_REQUEST
from api.http.admission import MAX_TEXTS_IN_FLIGHT
from benchmarks.connection import post
from benchmarks.loadgen import LoadProfile, run_load
from tests.support.server import Server, eventually
from tests.support.service_faults import (
    BLOCKS_UNTIL,
    SERVE_FAULTY,
    blocked_model,
    requests_in_progress,
)

TEXT = "Beautiful post!!!"
BODY = json.dumps({"text": TEXT}).encode()
PATIENCE_S = 60
CONNECTIONS = 128
BATCH_CLIENTS, BATCHES = 3, 4


@pytest.fixture(name="server", scope="module")
def fixture_server(repository: Path, environment: dict[str, str]) -> Iterator[Server]:
    """Serve a model that texts can block."""
    with Server(SERVE_FAULTY, repository, environment) as server:
        yield server


@pytest.fixture(name="ask")
def fixture_ask(server: Server) -> Iterator[Callable[..., int]]:
    """Return a function that posts one text, or several ``together``, and returns the status."""
    limits = httpx.Limits(max_connections=None)
    with httpx.Client(base_url=server.url, limits=limits, timeout=PATIENCE_S) as client:

        def ask(*texts: str, together: bool = False) -> int:
            path, body = "/predict", {"text": texts[0]}
            if together:
                path, body = "/predict_batch", {"texts": texts}
            return client.post(path, json=body).status_code

        yield ask


def test_a_batch_is_admitted_while_single_texts_fill_their_limit(
    server: Server, ask: Callable[..., int], tmp_path: Path
) -> None:
    with blocked_model(server, tmp_path / "go on") as busy, ExitStack() as connections:
        for _ in range(MAX_TEXTS_IN_FLIGHT - len(busy)):  # at once: they time out after 10 s
            address = ("127.0.0.1", server.port)
            connection = connections.enter_context(socket.create_connection(address))
            connection.sendall(post("test", "/predict", BODY))
        eventually(lambda: requests_in_progress(server) == MAX_TEXTS_IN_FLIGHT, PATIENCE_S)
        one_more = ask(TEXT)
        batch = ask(*[TEXT] * MAX_TEXTS_PER_REQUEST, together=True)

    assert (429, 200) == (one_more, batch)


@pytest.mark.parametrize("texts", [MAX_TEXTS_PER_REQUEST, 4])
def test_a_text_and_the_largest_batch_are_admitted_while_batches_fill_their_limit(
    server: Server, ask: Callable[..., int], tmp_path: Path, texts: int
) -> None:
    with blocking_batches(ask, texts, tmp_path / "go on") as busy, ThreadPoolExecutor(1) as pool:
        eventually(lambda: requests_in_progress(server, "/predict_batch") == len(busy), PATIENCE_S)
        single = ask(TEXT)
        largest = pool.submit(ask, *[TEXT] * MAX_TEXTS_PER_REQUEST, together=True)
        eventually(
            lambda: requests_in_progress(server, "/predict_batch") == len(busy) + 1, PATIENCE_S
        )
        (tmp_path / "go on").touch()

    assert 200 == single
    assert 200 == largest.result()
    assert {200} == {each.result() for each in busy}


@pytest.mark.slow
def test_texts_and_batches_are_both_answered_under_load(
    server: Server, ask: Callable[..., int]
) -> None:
    profile = LoadProfile(f"{server.url}/predict", (BODY,), CONNECTIONS, warm_up_s=0, duration_s=8)

    def ask_in_turn(_client: int) -> list[int]:
        return [ask(*[TEXT] * MAX_TEXTS_PER_REQUEST, together=True) for _ in range(BATCHES)]

    with ThreadPoolExecutor(1 + BATCH_CLIENTS) as pool:
        load = pool.submit(run_load, profile)
        eventually(lambda: requests_in_progress(server) >= CONNECTIONS // 2, PATIENCE_S)
        statuses = list(pool.map(ask_in_turn, range(BATCH_CLIENTS)))
        singles = load.result()

    assert [[200] * BATCHES] * BATCH_CLIENTS == statuses
    assert () == singles.failures
    assert singles.answered > CONNECTIONS


@contextmanager
def blocking_batches(
    ask: Callable[..., int], texts: int, until: Path
) -> Iterator[list[Future[int]]]:
    """Fill the limit with batches of ``texts`` texts that block until the file ``until`` exists."""
    count = MAX_TEXTS_IN_FLIGHT // texts
    with ThreadPoolExecutor(count) as pool:
        held = [f"{BLOCKS_UNTIL}{until}"] * texts
        try:
            yield [pool.submit(ask, *held, together=True) for _ in range(count)]
        finally:
            until.touch()
