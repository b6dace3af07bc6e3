"""Slow and disconnecting clients are limited, and do not disturb others."""

import json
import socket
import time
from collections.abc import Sequence
from typing import Any

import psutil
import pytest

from tests.security.healthy_client import HealthyClient
from tests.security.raw import TIMEOUT_S, connected, exchange, head, posted, send_slowly
from tests.support.rows import Rows
from tests.support.server import Server, eventually

MANY = 1000
SOME = 200
LARGE_FILE = "/static_content/swagger-ui-bundle.js"
MAX_GROWTH_MB = 100


@pytest.mark.usefixtures("healthy_client")
@pytest.mark.slow
def test_slow_headers_time_out(server: Server) -> None:
    with connected(server, SOME) as connections:
        replies = send_slowly(connections, b"POST /predict HTTP/1.1\r\nHost: test\r\nX: ", b"x")

    assert {408} == {reply.status for reply in replies}
    assert "the request took too long to arrive" == replies[0].error


@pytest.mark.usefixtures("healthy_client")
@pytest.mark.slow
def test_slow_bodies_time_out(server: Server) -> None:
    with connected(server, SOME) as connections:
        replies = send_slowly(connections, head(content_length=1 << 20, connection="close"), b" ")

    assert {408} == {reply.status for reply in replies}
    assert "the body took too long to arrive" == replies[0].error


@pytest.mark.usefixtures("healthy_client")
@pytest.mark.slow
def test_the_rest_of_an_unwanted_body_is_not_awaited(server: Server) -> None:
    with connected(server, 20) as connections:
        replies = send_slowly(connections, head(path="/nowhere", content_length=1 << 30), b" ")

    assert {404} == {reply.status for reply in replies}


@pytest.mark.usefixtures("healthy_client")
@pytest.mark.slow
def test_clients_that_read_no_responses_are_disconnected(server: Server) -> None:
    batch = json.dumps({"texts": ["fine"] * 100}).encode()
    asked = head(path="/predict_batch", content_length=len(batch)) + batch
    sent = asked * 4 + head("GET", LARGE_FILE) * 8 + asked

    with connected(server, 2, receive_bytes=4096) as connections:
        for connection in connections:
            connection.sendall(sent)
            assert connection.recv(1)  # the first byte of the response
        eventually(lambda: not is_open(server, connections), TIMEOUT_S)


@pytest.mark.usefixtures("healthy_client")
def test_endless_pipelined_requests_use_little_memory(server: Server) -> None:
    before_mb = memory_mb(server)

    reply = exchange(server, head("GET", "/livez") * 100_000)

    assert 200 == reply.status
    assert memory_mb(server) - before_mb < MAX_GROWTH_MB


@pytest.mark.usefixtures("healthy_client")
@pytest.mark.slow
def test_idle_connections_are_closed_and_use_little_memory(server: Server) -> None:
    before_mb = memory_mb(server)

    with connected(server, MANY):
        eventually(lambda: connections_of(server) >= MANY, TIMEOUT_S)
        during_mb = memory_mb(server)
        eventually(lambda: connections_of(server) < 20, TIMEOUT_S)

    assert during_mb - before_mb < MAX_GROWTH_MB


def test_texts_of_disconnected_clients_are_not_classified(
    server: Server, rows: Rows, healthy_client: HealthyClient
) -> None:
    name = f"disconnected at {time.time()}"
    with connected(server, SOME) as connections:
        for number, connection in enumerate(connections):
            text = f"{name} {number} {'word ' * 900}"  # slow to classify
            connection.sendall(posted(json.dumps({"text": text}).encode()))
    answered = len(healthy_client.statuses)
    eventually(lambda: len(healthy_client.statuses) > answered + 20, TIMEOUT_S)

    assert len([row for row in rows.all() if row["text"].startswith(name)]) < SOME


@pytest.mark.usefixtures("healthy_client")
def test_clients_that_disconnect_amid_a_body_free_its_memory(server: Server) -> None:
    before_mb = memory_mb(server)
    for _ in range(5):
        with connected(server, SOME) as connections:
            for connection in connections:
                connection.sendall(head(content_length=1 << 20) + b" " * (256 << 10))

    eventually(lambda: connections_of(server) < 20, TIMEOUT_S)
    assert memory_mb(server) - before_mb < MAX_GROWTH_MB


def memory_mb(server: Server) -> float:
    """Return the memory of the service's processes."""
    return sum(process.memory_info().rss for process in server.processes()) / (1 << 20)


def is_open(server: Server, connections: Sequence[socket.socket]) -> bool:
    """Return whether one of these connections is open."""
    ours = {connection.getsockname() for connection in connections}
    return any(tuple(each.raddr) in ours for each in open_connections(server))


def connections_of(server: Server) -> int:
    """Return the number of open connections."""
    return len(open_connections(server))


def open_connections(server: Server) -> list[Any]:
    """Return the open connections."""
    return [
        connection
        for process in server.processes()
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_ESTABLISHED and connection.laddr.port == server.port
    ]
