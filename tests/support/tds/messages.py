"""Messages of TDS, sent in packets over a socket or, after a handshake, over TLS."""

import socket
import ssl
import struct

HEADER_BYTES = 8
PACKET_BYTES = 4096
END_OF_MESSAGE = 1
SQL_BATCH, RPC, RESPONSE, ATTENTION, TRANSACTION, LOGIN7, PRELOGIN = 1, 3, 4, 6, 14, 16, 18


class Channel:
    """The server's end of a connection; it receives and sends whole messages."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._tls: ssl.SSLObject | None = None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()

    def receive(self) -> tuple[int, bytes]:
        """Return the kind of the next message, and its content. Raises EOFError at the end."""
        content = b""
        while True:
            kind, status, length = struct.unpack(">BBH4x", self._read(HEADER_BYTES))
            content += self._read(length - HEADER_BYTES)
            if status & END_OF_MESSAGE:
                return kind, content

    def send(self, content: bytes, kind: int = RESPONSE) -> None:
        """Send a message."""
        room = PACKET_BYTES - HEADER_BYTES
        for number, start in enumerate(range(0, max(len(content), 1), room)):
            part = content[start : start + room]
            status = END_OF_MESSAGE if start + room >= len(content) else 0
            header = struct.pack(
                ">BBHHBB", kind, status, len(part) + HEADER_BYTES, 0, number % 256, 0
            )
            self._write(header + part)

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Do the TLS handshake, whose records are sent in PRELOGIN packets."""
        tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._send_records()
                self._incoming.write(self.receive()[1])
        self._send_records()
        self._tls = tls

    def _send_records(self) -> None:
        if records := self._outgoing.read():
            self.send(records, PRELOGIN)

    def _read(self, size: int) -> bytes:
        content = b""
        while len(content) < size:
            part = self._read_some(size - len(content))
            if not part:
                raise EOFError
            content += part
        return content

    def _read_some(self, size: int) -> bytes:
        if self._tls is None:
            return self._connection.recv(size)
        while True:
            try:
                return self._tls.read(size)
            except ssl.SSLWantReadError:
                received = self._connection.recv(65536)
                if not received:
                    return b""
                self._incoming.write(received)

    def _write(self, packet: bytes) -> None:
        if self._tls is None:
            self._connection.sendall(packet)
        else:
            self._tls.write(packet)
            self._connection.sendall(self._outgoing.read())
