"""Whether a column that is there holds what ours would hold, by its type."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    DateTime,
    Dialect,
    Enum,
    Float,
    Integer,
    Numeric,
    SmallInteger,
    String,
    Uuid,
)
from sqlalchemy.dialects import mssql
from sqlalchemy.types import NullType, TypeEngine

TOO_SMALL = (SmallInteger, mssql.TINYINT)


def is_alike(ours: TypeEngine[Any], found: TypeEngine[Any], dialect: Dialect) -> bool:
    """Return whether a column of the type ``found`` takes all values of ``ours``.

    A server that only speaks SQL Server's protocol may describe its types in another way: there,
    less is compared.
    """
    is_sql_server = dialect.name == "mssql"
    match ours:
        case Uuid():
            is_text = shown(ours, dialect).startswith("CHAR")
            is_taken = isinstance(found, Uuid | String if is_text else Uuid)
        case Boolean():
            is_native = dialect.supports_native_boolean
            is_taken = isinstance(found, Boolean if is_native else (Boolean, Integer))
        case Float():
            is_taken = isinstance(found, (Float, Numeric) if is_sql_server else Float)
        case DateTime():
            is_taken = isinstance(found, DateTime) and not _has_zone(found)
        case Integer():
            is_taken = isinstance(found, Integer) and not isinstance(found, TOO_SMALL)
        case _:
            is_taken = _takes_text(ours, found, dialect)
    return is_taken or (is_sql_server and isinstance(found, NullType))


def is_the_same_number(found: TypeEngine[Any]) -> bool:
    """Return whether a type is INTEGER itself, neither larger nor smaller."""
    return isinstance(found, Integer) and not isinstance(found, (BigInteger, *TOO_SMALL))


def shown(shown_type: TypeEngine[Any], dialect: Dialect) -> str:
    """Return a type as it is written in SQL, without a collation."""
    if isinstance(shown_type, NullType):
        return "a type of another kind"
    return shown_type.compile(dialect=dialect).partition(" COLLATE ")[0]


def _has_zone(found: DateTime) -> bool:
    return found.timezone or isinstance(found, mssql.DATETIMEOFFSET)


def _takes_text(ours: TypeEngine[Any], found: TypeEngine[Any], dialect: Dialect) -> bool:
    if not isinstance(found, String) or isinstance(found, Enum):
        return False
    wanted, length = getattr(ours, "length", None), found.length
    if wanted is None:
        return length is None or dialect.name == "mssql"
    return length is None or length >= wanted
