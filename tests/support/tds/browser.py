"""A stand-in for SQL Server Browser, which returns the port of an instance.

Source: [MC-SQLR], https://learn.microsoft.com/openspecs/windows_protocols/mc-sqlr
"""

import contextlib
import socket
import struct
import threading

PORT = 1434  # UDP; drivers use no other port
ASKED, RESPONSE = 0x04, 0x05


class Browser:
    """Answers for the instances of one host during the context.

    ``asked`` are the requested names. Entering raises OSError if the port is taken.
    """

    def __init__(self, host: str, ports: dict[str, int]) -> None:
        self.asked: list[str] = []
        self._host = host
        self._ports = {name.lower(): port for name, port in ports.items()}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._thread = threading.Thread(target=self._answer, daemon=True)

    def __enter__(self) -> "Browser":
        self._socket.bind((self._host, PORT))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):  # not connected, yet it wakes the thread
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def _answer(self) -> None:
        while True:
            question, asker = self._socket.recvfrom(1024)
            if not question:
                return
            name = question[1:].rstrip(b"\0").decode("ascii")
            self.asked.append(name)
            port = self._ports.get(name.lower())
            if question[0] == ASKED and port is not None:
                facts = ("ServerName", "HOST", "InstanceName", name, "IsClustered", "No")
                facts += ("Version", "16.0.4000.1", "tcp", str(port))  # Microsoft's wants all
                response = ";".join((*facts, ";")).encode()
                self._socket.sendto(struct.pack("<BH", RESPONSE, len(response)) + response, asker)
