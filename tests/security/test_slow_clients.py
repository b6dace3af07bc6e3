"""Clients that take their time, or leave, are bounded; honest ones go on being served."""

import json
import socket
import time
from collections.abc import Sequence
from typing import Any

import psutil
import pytest

from tests.security.healthy_client import Honest
from tests.security.raw import PATIENCE_S, ask, connected, dribble, head, posted
from tests.support.rows import Rows
from tests.support.server import Server, eventually

MANY = 1000
SOME = 200
LARGE_ANSWER = "/static_content/swagger-ui-bundle.js"
FLAT_MB = 100


@pytest.mark.usefixtures("honest")
def test_heads_that_come_drop_by_drop_are_given_up(server: Server) -> None:
    with connected(server, SOME) as connections:
        replies = dribble(connections, b"POST /predict HTTP/1.1\r\nHost: test\r\nX: ", b"x")

    assert {408} == {reply.status for reply in replies}
    assert "the request took too long to arrive" == replies[0].error


@pytest.mark.usefixtures("honest")
def test_bodies_that_come_drop_by_drop_are_given_up(server: Server) -> None:
    with connected(server, SOME) as connections:
        replies = dribble(connections, head(content_length=1 << 20, connection="close"), b" ")

    assert {408} == {reply.status for reply in replies}
    assert "the body took too long to arrive" == replies[0].error


@pytest.mark.usefixtures("honest")
def test_bodies_that_nobody_wants_do_not_keep_a_connection(server: Server) -> None:
    with connected(server, 20) as connections:
        replies = dribble(connections, head(path="/nowhere", content_length=1 << 30), b" ")

    assert {404} == {reply.status for reply in replies}


@pytest.mark.usefixtures("honest")
def test_clients_that_take_no_answers_keep_nobody_out_and_are_cut_off(server: Server) -> None:
    batch = json.dumps({"texts": ["fine"] * 100}).encode()
    asked = head(path="/predict_batch", content_length=len(batch)) + batch
    sent = asked * 4 + head("GET", LARGE_ANSWER) * 8 + asked

    with connected(server, 2, receive_bytes=4096) as connections:
        for connection in connections:
            connection.sendall(sent)
            assert connection.recv(1)  # it is being answered
        eventually(lambda: not is_held(server, connections), PATIENCE_S)


@pytest.mark.usefixtures("honest")
def test_requests_without_end_on_one_connection_are_bounded(server: Server) -> None:
    before_mb = memory_mb(server)

    reply = ask(server, head("GET", "/livez") * 100_000)

    assert 200 == reply.status
    assert memory_mb(server) - before_mb < FLAT_MB


@pytest.mark.usefixtures("honest")
def test_idle_connections_are_closed_and_cost_little(server: Server) -> None:
    before_mb = memory_mb(server)

    with connected(server, MANY):
        eventually(lambda: connections_of(server) >= MANY, PATIENCE_S)
        during_mb = memory_mb(server)
        eventually(lambda: connections_of(server) < 20, PATIENCE_S)

    assert during_mb - before_mb < FLAT_MB


def test_clients_that_leave_are_not_worked_for(server: Server, rows: Rows, honest: Honest) -> None:
    name = f"left at {time.time()}"
    with connected(server, SOME) as connections:
        for number, connection in enumerate(connections):
            text = f"{name} {number} {'word ' * 900}"  # each would take a while
            connection.sendall(posted(json.dumps({"text": text}).encode()))
    answered = len(honest.statuses)
    eventually(lambda: len(honest.statuses) > answered + 20, PATIENCE_S)

    assert len([row for row in rows.all() if row["text"].startswith(name)]) < SOME


@pytest.mark.usefixtures("honest")
def test_clients_that_leave_amid_their_bodies_leave_nothing_behind(server: Server) -> None:
    before_mb = memory_mb(server)
    for _ in range(5):
        with connected(server, SOME) as connections:
            for connection in connections:
                connection.sendall(head(content_length=1 << 20) + b" " * (256 << 10))

    eventually(lambda: connections_of(server) < 20, PATIENCE_S)
    assert memory_mb(server) - before_mb < FLAT_MB


def memory_mb(server: Server) -> float:
    """Return what the service's processes hold."""
    return sum(process.memory_info().rss for process in server.processes()) / (1 << 20)


def is_held(server: Server, connections: Sequence[socket.socket]) -> bool:
    """Tell whether the service holds one of these connections."""
    ours = {connection.getsockname() for connection in connections}
    return any(tuple(each.raddr) in ours for each in held(server))


def connections_of(server: Server) -> int:
    """Count the connections that the service holds."""
    return len(held(server))


def held(server: Server) -> list[Any]:
    """Return the connections that the service holds."""
    return [
        connection
        for process in server.processes()
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_ESTABLISHED and connection.laddr.port == server.port
    ]
