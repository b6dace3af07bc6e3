"""The ODBC driver that SQL Server is reached with, and how it is told to.

Microsoft's driver is taken where it is registered or comes with the wheel `mssql-python-odbc`;
FreeTDS, which is on every Linux distribution, else.
"""

import contextlib
import ctypes
import importlib.util
import platform
from pathlib import Path

MICROSOFT = "ODBC Driver 18 for SQL Server"
FREETDS = "FreeTDS"
# The wheel for Linux has the library once for each family of distributions. The one for macOS is
# for 15 and later, so it is not among the requirements: it counts where it is installed.
FOLDERS = {
    "Linux": ("linux/debian_ubuntu", "linux/rhel", "linux/suse", "linux/alpine"),
    "Darwin": ("macos",),
}


def choose_driver(wanted: str | None) -> str | None:
    """Return the driver to use: a registered name or a library's path; None where there is none.

    ``wanted`` is such a name or path; None leaves the choice to this function. Raises ImportError
    where pyodbc cannot be loaded, for want of the driver manager.
    """
    import pyodbc  # pylint: disable=import-outside-toplevel  # needs libodbc, SQLite does not

    registered = pyodbc.drivers()
    if wanted is not None:
        return wanted if wanted in registered or Path(wanted).is_file() else None
    if MICROSOFT in registered:
        return MICROSOFT
    return library_of_wheel() or (FREETDS if FREETDS in registered else None)


def library_of_wheel() -> str | None:
    """Return the path of Microsoft's driver in its wheel; None where it cannot be loaded."""
    wheel = importlib.util.find_spec("mssql_python_odbc")
    if wheel is None or wheel.origin is None:
        return None
    machine = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    for name in FOLDERS.get(platform.system(), ()):
        folder = Path(wheel.origin).parent / "libs" / name / machine / "lib"
        for library in folder.glob("libmsodbcsql[-.]18.*"):
            with contextlib.suppress(OSError):  # wants a library that is not there
                ctypes.CDLL(str(library))
                return str(library)
    return None


def is_freetds(driver: str) -> bool:
    """Tell whether a driver, by its name or its library's path, is FreeTDS."""
    return "tds" in Path(driver).name.lower()


def attributes(driver: str, trust_server_certificate: bool) -> dict[str, str]:
    """Return the attributes of Microsoft's driver; it checks certificates unless it trusts all."""
    return {
        "driver": driver,
        "Encrypt": "yes",
        "TrustServerCertificate": "yes" if trust_server_certificate else "no",
        "ConnectRetryCount": "0",  # a connection of the driver's own choice would have no deadline
    }
