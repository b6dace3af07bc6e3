"""The ODBC drivers for SQL Server that are installed here."""

import pytest

from db.database import odbc

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
