"""Requests of clients: logins, batches of SQL, and calls of procedures with parameters."""

import struct
from dataclasses import dataclass, field

from tests.support.tds.reader import Reader
from tests.support.tds.values import Value, read_parameter

EXECUTE_SQL, PREPARE, EXECUTE, PREPARE_AND_EXECUTE, UNPREPARE = 10, 11, 12, 13, 15
NAMES = {
    "sp_executesql": EXECUTE_SQL,
    "sp_prepare": PREPARE,
    "sp_execute": EXECUTE,
    "sp_prepexec": PREPARE_AND_EXECUTE,
    "sp_unprepare": UNPREPARE,
}


@dataclass(frozen=True)
class Login:
    """A login request: user, password and database."""

    user: str
    password: str = field(repr=False)
    database: str


@dataclass(frozen=True)
class Query:
    """A statement, and the values of its parameters in order."""

    sql: str
    parameters: tuple[Value, ...] = ()


@dataclass(frozen=True)
class Call:
    """A call of a procedure by its number or name."""

    procedure: int | str
    parameters: tuple[Value, ...]


def read_login(content: bytes) -> Login:
    """Read a LOGIN7 message."""
    places = struct.unpack_from("<18H", content, 36)

    def text(number: int) -> bytes:
        start, length = places[2 * number], places[2 * number + 1]
        return content[start : start + 2 * length]

    plain = bytes((byte ^ 0xA5) << 4 & 0xF0 | (byte ^ 0xA5) >> 4 for byte in text(2))
    database = text(8)
    return Login(
        text(1).decode("utf-16-le"), plain.decode("utf-16-le"), database.decode("utf-16-le")
    )


def read_batch(content: bytes) -> Query:
    """Read a message of SQL without parameters."""
    (headers,) = struct.unpack_from("<I", content)
    return Query(content[headers:].decode("utf-16-le"))


def read_transaction(content: bytes) -> int:
    """Read the type of a request to the transaction manager."""
    headers, kind = struct.unpack_from("<I", content)[0], 0
    (kind,) = struct.unpack_from("<H", content, headers)
    return int(kind)


def read_call(content: bytes) -> Call:
    """Read the call of a procedure."""
    reader = Reader(content)
    (headers,) = struct.unpack_from("<I", content)
    reader.take(headers)
    length = reader.number("<H")
    procedure: int | str
    if length == 0xFFFF:
        procedure = reader.number("<H")
    else:
        name = reader.take(2 * length).decode("utf-16-le")
        procedure = NAMES.get(name.lower(), name)
    reader.number("<H")  # options
    parameters = []
    while not reader.is_at_end:
        parameters.append(read_parameter(reader))
    return Call(procedure, tuple(parameters))
