"""Check the address before circus, BentoML's process manager, listens on it.

circus prints a traceback if the port is in use, and listens on port 4464 if asked for 70000.
"""

from typing import Any

from process.address import check_port, wait_for_address


def check_address_before_listening() -> None:
    """Patch circus' socket class in the command; workers inherit the open socket.

    The class itself is changed, because BentoML has already imported it.
    """
    # pylint: disable=import-outside-toplevel  # workers do not need circus
    from circus.sockets import CircusSocket

    init, bind_and_listen = CircusSocket.__init__, CircusSocket.bind_and_listen

    def checked_init(self: Any, **options: Any) -> None:
        check_port(options.get("port", 0))
        init(self, **options)

    def checked_bind_and_listen(self: Any) -> None:
        if not self.is_unix:
            wait_for_address(self.family, self.host, self.port)
        bind_and_listen(self)

    CircusSocket.__init__, CircusSocket.bind_and_listen = checked_init, checked_bind_and_listen


def is_address_checked() -> bool:
    """Return whether circus' socket class is patched in this process."""
    from circus.sockets import CircusSocket  # pylint: disable=import-outside-toplevel  # see above

    methods = CircusSocket.__init__, CircusSocket.bind_and_listen
    return all(method.__module__ == __name__ for method in methods)
