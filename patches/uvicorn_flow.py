"""How a connection is read and written: uvicorn's flow control, with bounds."""

import asyncio
from collections.abc import Collection

from uvicorn.protocols.http.flow_control import FlowControl

WRITE_TIMEOUT_S = 10.0


class BoundedFlow(FlowControl):
    """Read nothing while requests wait for their turn, and give up clients that read nothing.

    uvicorn reads on as soon as one request is answered, whatever else waits on the connection, and
    waits for ever for a client to take its answer.
    """

    def __init__(self, transport: asyncio.Transport, waiting: Collection[object]) -> None:
        """Watch over a connection, and over its requests that wait for their turn."""
        super().__init__(transport)
        self._waiting = waiting
        self._deadline: asyncio.TimerHandle | None = None

    def resume_reading(self) -> None:
        """Read on, unless requests wait."""
        if not self._waiting:
            super().resume_reading()

    def pause_writing(self) -> None:
        """Give the client a while to take what it was sent."""
        super().pause_writing()
        self._give_a_while()

    def resume_writing(self) -> None:
        """Write on. A connection that is being closed is to take all of its rest in time."""
        if not self._transport.is_closing():
            self.stop_waiting()
        super().resume_writing()

    def close(self) -> None:
        """Close the connection, also where the client does not take the rest."""
        self._transport.close()
        if self._transport.get_write_buffer_size():
            self._give_a_while()

    def stop_waiting(self) -> None:
        """Give up nothing more."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_a_while(self) -> None:
        if self._deadline is None:
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_later(WRITE_TIMEOUT_S, self._transport.abort)
