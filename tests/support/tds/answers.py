"""Answers to requests, as the tokens that clients read. Source: [MS-TDS] 2.2.7."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from tests.support.tds.values import INTN, MAX, NVARCHAR

COLLATION = bytes.fromhex("0904d00034")  # SQL_Latin1_General_CP1_CI_AS
VERSION = 0x74000004  # of TDS
NAME = "Microsoft SQL Server"
PROGRAM = (16, 0, 4000)  # SQL Server 2022
MORE, ERROR, COUNTED = 0x1, 0x2, 0x10  # what a DONE token says
DONE, DONE_PROCEDURE = 0xFD, 0xFE
BEGIN, COMMIT, ROLLBACK = 5, 7, 8  # requests to the transaction manager
ENVIRONMENT, MESSAGE_OF_ERROR, LOGIN_ACKNOWLEDGED = 0xE3, 0xAA, 0xAD
COLUMNS, ROW, STATUS, RETURNED = 0x81, 0xD1, 0x79, 0xAC


@dataclass(frozen=True)
class Rows:
    """A result: texts, integers and NULL."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str | int | None]] = ()


@dataclass(frozen=True)
class Done:
    """A statement without a result; ``count`` is the number of rows that it changed."""

    count: int = 0


@dataclass(frozen=True)
class Failed:
    """An error of SQL Server."""

    number: int
    message: str
    severity: int = 16


Answer: TypeAlias = Rows | Done | Failed


def encode(answer: Answer, done: int = DONE) -> bytes:
    """Return the tokens of an answer, up to the one that ends it."""
    match answer:
        case Rows():
            body = _result(answer)
            return body + finish(done, COUNTED, len(answer.rows))
        case Done():
            return finish(done, COUNTED, answer.count)
        case Failed():
            return _error(answer) + finish(done, ERROR)


def finish(token: int, flags: int = 0, count: int = 0) -> bytes:
    """Return the token that ends an answer, or a part of one."""
    return struct.pack("<BHHQ", token, flags, 0xC1, count)


def encode_call(answer: Answer, handle: int | None = None) -> bytes:
    """Return the tokens that answer the call of a procedure, which may return a handle."""
    if isinstance(answer, Failed):
        return _error(answer) + finish(DONE_PROCEDURE, ERROR)
    body = _result(answer) if isinstance(answer, Rows) else b""
    count = len(answer.rows) if isinstance(answer, Rows) else answer.count
    body += struct.pack("<BHHQ", 0xFF, MORE | COUNTED, 0xC1, count)
    body += struct.pack("<Bi", STATUS, 0)
    if handle is not None:
        value = struct.pack("<BBBi", INTN, 4, 4, handle)
        body += struct.pack("<BH", RETURNED, 0) + _short("") + struct.pack("<BIH", 1, 0, 0) + value
    return body + finish(DONE_PROCEDURE)


def encode_transaction(kind: int) -> bytes:
    """Return the tokens that answer a request to the transaction manager."""
    number = struct.pack("<BQ", 8, 1)
    changed = {
        BEGIN: _changed(8, number + b"\x00"),
        COMMIT: _changed(9, b"\x00" + number),
        ROLLBACK: _changed(10, b"\x00" + number),
    }
    return changed.get(kind, b"") + finish(DONE)


def acknowledge(database: str) -> bytes:
    """Return the tokens that accept a login."""
    major, minor, build = PROGRAM
    acknowledged = struct.pack(">BI", 1, VERSION) + _short(NAME)
    acknowledged += struct.pack(">BBH", major, minor, build)
    return (
        _changed(1, _short(database) + _short("master"))
        + _changed(7, b"\x05" + COLLATION + b"\x00")
        + _changed(2, _short("us_english") + _short(""))
        + struct.pack("<BH", LOGIN_ACKNOWLEDGED, len(acknowledged))
        + acknowledged
        + _changed(4, _short("4096") + _short("4096"))
        + finish(DONE)
    )


def prelogin(encryption: int) -> bytes:
    """Return the answer to a PRELOGIN message: version, encryption, no multiple results."""
    options = [
        (0, struct.pack(">BBHH", *PROGRAM, 0)),
        (1, bytes([encryption])),
        (2, b"\x00"),
        (3, b""),
        (4, b"\x00"),
    ]
    start = 5 * len(options) + 1
    head, data = b"", b""
    for token, value in options:
        head += struct.pack(">BHH", token, start + len(data), len(value))
        data += value
    return head + b"\xff" + data


def _result(answer: Rows) -> bytes:
    described = struct.pack("<BH", COLUMNS, len(answer.columns))
    kinds = [_is_number(answer, place) for place in range(len(answer.columns))]
    for name, is_number in zip(answer.columns, kinds, strict=True):
        kind = bytes([INTN, 8]) if is_number else struct.pack("<BH", NVARCHAR, 8000) + COLLATION
        described += struct.pack("<IH", 0, 9) + kind + _short(name)
    rows = b""
    for row in answer.rows:
        values = zip(row, kinds, strict=True)
        rows += bytes([ROW]) + b"".join(_number(v) if n else _text(v) for v, n in values)
    return described + rows


def _is_number(answer: Rows, place: int) -> bool:
    return any(isinstance(row[place], int) for row in answer.rows)


def _number(value: str | int | None) -> bytes:
    return b"\x00" if value is None else struct.pack("<Bq", 8, int(value))


def _text(value: str | int | None) -> bytes:
    if value is None:
        return struct.pack("<H", MAX)
    content = str(value).encode("utf-16-le")
    return struct.pack("<H", len(content)) + content


def _error(answer: Failed) -> bytes:
    message = answer.message.encode("utf-16-le")
    body = struct.pack("<iBBH", answer.number, 1, answer.severity, len(message) // 2) + message
    body += _short("stand-in") + _short("") + struct.pack("<I", 1)
    return struct.pack("<BH", MESSAGE_OF_ERROR, len(body)) + body


def _changed(kind: int, values: bytes) -> bytes:
    return struct.pack("<BHB", ENVIRONMENT, len(values) + 1, kind) + values


def _short(text: str) -> bytes:
    content = text.encode("utf-16-le")
    return bytes([len(content) // 2]) + content
