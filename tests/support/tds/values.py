"""Values of parameters, as far as the drivers send them here. Source: [MS-TDS] 2.2.5.4."""

import struct
from typing import TypeAlias
from uuid import UUID

from tests.support.tds.reader import Reader

Value: TypeAlias = str | bytes | int | float | UUID | None

INTN, BITN, FLTN, GUID = 0x26, 0x68, 0x6D, 0x24
NVARCHAR, NCHAR, VARCHAR, CHAR, VARBINARY, BINARY = 0xE7, 0xEF, 0xA7, 0xAF, 0xA5, 0xAD
NTEXT, TEXT = 0x63, 0x23
FIXED = {0x30: "<B", 0x34: "<h", 0x38: "<i", 0x7F: "<q", 0x32: "<B", 0x3B: "<f", 0x3E: "<d"}
INTEGERS = {1: "<B", 2: "<h", 4: "<i", 8: "<q"}
MAX = 0xFFFF  # the length of a type that is as long as need be


def read_parameter(reader: Reader) -> Value:
    """Read a parameter: its name, whether it is an output, its type and its value."""
    reader.take(2 * reader.number("<B"))
    reader.number("<B")
    return _read_value(reader)


def _read_value(reader: Reader) -> Value:
    kind = reader.number("<B")
    if kind in FIXED:
        return reader.number(FIXED[kind])
    if kind in (INTN, BITN, FLTN, GUID):
        reader.number("<B")
        return _of_length(kind, reader.take(reader.number("<B")))
    if kind in (NVARCHAR, NCHAR, VARCHAR, CHAR, VARBINARY, BINARY):
        longest = reader.number("<H")
        if kind not in (VARBINARY, BINARY):
            reader.take(5)  # the collation
        return _text(kind, _read_chunks(reader) if longest == MAX else _read_short(reader))
    if kind in (NTEXT, TEXT):
        reader.take(4 + 5)
        length = reader.number("<i")
        return None if length < 0 else _text(kind, reader.take(length))
    raise ValueError(f"parameters of type {kind:#x} are not known here")


def _of_length(kind: int, content: bytes) -> Value:
    if not content:
        return None
    if kind == GUID:
        return UUID(bytes_le=content)
    if kind == FLTN:
        value: float = struct.unpack("<f" if len(content) == 4 else "<d", content)[0]
        return value
    number: int = struct.unpack(INTEGERS[len(content)], content)[0]
    return number


def _read_short(reader: Reader) -> bytes | None:
    length = reader.number("<H")
    return None if length == MAX else reader.take(length)


def _read_chunks(reader: Reader) -> bytes | None:
    if reader.number("<Q") == 0xFFFFFFFFFFFFFFFF:
        return None
    content = b""
    while length := reader.number("<I"):
        content += reader.take(length)
    return content


def _text(kind: int, content: bytes | None) -> Value:
    if content is None or kind in (VARBINARY, BINARY):
        return content
    return content.decode("utf-16-le" if kind in (NVARCHAR, NCHAR, NTEXT) else "latin-1")
