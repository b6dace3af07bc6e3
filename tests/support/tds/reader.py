"""Read a message piece by piece."""

import struct


class Reader:
    """The unread rest of a message."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._position = 0

    @property
    def is_at_end(self) -> bool:
        """Return whether nothing is left."""
        return self._position >= len(self._content)

    def take(self, size: int) -> bytes:
        """Return the next bytes. Raises ValueError if fewer are left."""
        taken = self._content[self._position : self._position + size]
        if len(taken) < size:
            raise ValueError(f"{size} bytes wanted, {len(taken)} left")
        self._position += size
        return taken

    def number(self, form: str) -> int:
        """Return the next number, in a format of `struct`."""
        value: int
        (value,) = struct.unpack(form, self.take(struct.calcsize(form)))
        return value
