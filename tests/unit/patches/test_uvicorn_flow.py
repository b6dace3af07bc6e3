"""Clients that do not take what they are sent are given up, those that do are not."""

import asyncio
from collections.abc import Callable

import pytest

from patches.uvicorn_protocol import BoundedFlow


class Transport:
    """A connection whose client has taken nothing yet."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def get_write_buffer_size(self) -> int:
        """Tell what the client has not taken."""
        return 1000

    def is_closing(self) -> bool:
        """Tell whether it was closed."""
        return "close" in self.calls

    def close(self) -> None:
        """Note it."""
        self.calls.append("close")

    def abort(self) -> None:
        """Note it."""
        self.calls.append("abort")


async def calls_after(*acts: Callable[[BoundedFlow], None]) -> list[str]:
    """Return what became of a connection some time after these acts."""
    transport = Transport()
    flow = BoundedFlow(transport, ())
    for act in acts:
        act(flow)
    await asyncio.sleep(0.02)
    return transport.calls


@pytest.mark.parametrize(
    ("acts", "calls"),
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
def test_a_client_has_a_while_to_take_what_it_was_sent(
    monkeypatch: pytest.MonkeyPatch, acts: list[Callable[[BoundedFlow], None]], calls: list[str]
) -> None:
    monkeypatch.setattr("patches.uvicorn_protocol.WRITE_TIMEOUT_S", 0.001)

    assert calls == asyncio.run(calls_after(*acts))
