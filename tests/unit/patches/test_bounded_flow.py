"""Connections of clients that do not read their response are closed; others are not."""

import asyncio
from collections.abc import Callable

import pytest

from patches.uvicorn_protocol import BoundedFlow


class Transport:
    """A connection whose client has read nothing yet."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def get_write_buffer_size(self) -> int:
        """Return the bytes that the client has not read."""
        return 1000

    def is_closing(self) -> bool:
        """Return whether it was closed."""
        return "close" in self.calls

    def close(self) -> None:
        """Record the call."""
        self.calls.append("close")

    def abort(self) -> None:
        """Record the call."""
        self.calls.append("abort")


async def calls_after(*actions: Callable[[BoundedFlow], None]) -> list[str]:
    """Return the calls of a connection some time after these actions."""
    transport = Transport()
    flow = BoundedFlow(transport, ())
    for action in actions:
        action(flow)
    await asyncio.sleep(0.02)
    return transport.calls


@pytest.mark.parametrize(
    ("actions", "calls"),
    [
        pytest.param([BoundedFlow.pause_writing], ["abort"], id="full"),
        pytest.param([BoundedFlow.pause_writing, BoundedFlow.resume_writing], [], id="taken"),
        pytest.param([BoundedFlow.close], ["close", "abort"], id="closed"),
        pytest.param(
            [BoundedFlow.close, BoundedFlow.pause_writing, BoundedFlow.resume_writing],
            ["close", "abort"],
            id="closed with a rest",
        ),
        pytest.param([BoundedFlow.close, BoundedFlow.cancel_timeout], ["close"], id="lost"),
    ],
)
def test_a_client_has_a_limited_time_to_read_its_response(
    monkeypatch: pytest.MonkeyPatch, actions: list[Callable[[BoundedFlow], None]], calls: list[str]
) -> None:
    monkeypatch.setattr("patches.uvicorn_protocol.WRITE_TIMEOUT_S", 0.001)

    assert calls == asyncio.run(calls_after(*actions))
