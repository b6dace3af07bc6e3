"""The ODBC drivers for SQL Server that are installed here, and settings with a stand-in."""

from typing import Any

import pytest

from db.database import odbc
from db.settings import SetupSettings

DRIVERS = ("Microsoft", "FreeTDS")


def find_driver(name: str) -> str:
    """Return the driver's name, or its library's path; skip the test if it is not installed."""
    try:
        driver = odbc.choose_driver("FreeTDS" if name == "FreeTDS" else None)
    except ImportError:
        pytest.skip("the ODBC driver manager is not installed here (Debian's package: unixodbc)")
    if driver is None or odbc.is_freetds(driver) is not (name == "FreeTDS"):
        pytest.skip(f"{name}'s driver is not installed here (Debian: libgssapi-krb5-2, tdsodbc)")
    return driver


def stand_in_settings(driver: str, port: int, **changes: Any) -> SetupSettings:
    """Return settings with a stand-in on localhost; skip the test without the driver."""
    settings = {
        "sql_server": "localhost",
        "sql_port": port,
        "sql_user": "service",
        "sql_password": "secret",
        "sql_driver": find_driver(driver),
        "sql_trust_server_certificate": True,
    }
    return SetupSettings.model_validate(settings | changes)
