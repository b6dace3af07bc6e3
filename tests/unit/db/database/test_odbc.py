"""A driver for SQL Server is found and loaded, and told to check certificates."""

import platform
import sys
from pathlib import Path

import pytest
from sqlalchemy import make_url

from db.database import odbc
from db.database.engine import make_engine
from db.settings import DatabaseSettings, SettingsError

try:
    import pyodbc
except ImportError:
    pytest.skip(
        "the ODBC driver manager is not installed here (Debian's package: unixodbc)",
        allow_module_level=True,
    )

UNREACHABLE = DatabaseSettings.model_validate(
    {
        "sql_server": "127.0.0.1",
        "sql_port": 1,
        "sql_user": "u",
        "sql_password": "p",
        "database_timeout_s": 1,
    }
)


@pytest.fixture(name="no_driver_is_registered")
def fixture_no_driver_is_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the driver manager know no driver."""
    monkeypatch.setattr(pyodbc, "drivers", list)


@pytest.mark.usefixtures("no_driver_is_registered")
def test_microsofts_driver_of_the_wheel_is_found_without_being_registered() -> None:
    driver = odbc.choose_driver(None)
    if driver is None:
        pytest.skip("the wheel's driver wants a library (Debian's package: libgssapi-krb5-2)")

    assert "libmsodbcsql-18" in driver


def test_microsofts_driver_is_found_in_the_wheel_for_macos(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "mssql_python_odbc" / "libs" / "macos" / "arm64" / "lib"
    folder.mkdir(parents=True)
    (tmp_path / "mssql_python_odbc" / "__init__.py").touch()
    library = folder / "libmsodbcsql.18.dylib"
    library.symlink_to(pyodbc.__file__)  # something that can be loaded here
    (folder / "libodbc.2.dylib").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "mssql_python_odbc", raising=False)
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(platform, "machine", lambda: "arm64")

    assert str(library) == odbc.library_of_wheel()


@pytest.mark.parametrize("driver", [None, "FreeTDS"])
def test_the_driver_is_loaded_and_tries_to_connect(driver: str | None) -> None:
    if odbc.choose_driver(driver) is None:
        pytest.skip(
            "no such driver is to be had here (Debian's packages: tdsodbc, libgssapi-krb5-2)"
        )
    engine = make_engine(UNREACHABLE.model_copy(update={"sql_driver": driver}))

    with pytest.raises(pyodbc.Error) as caught:
        engine.raw_connection()

    assert caught.value.args[0] in ("HYT00", "08001", "08S01")  # not 01000: no such library


def test_a_registered_driver_is_taken_before_the_wheels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyodbc, "drivers", lambda: ["FreeTDS", odbc.MICROSOFT])

    assert odbc.MICROSOFT == odbc.choose_driver(None)


def test_freetds_is_taken_where_there_is_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyodbc, "drivers", lambda: ["SQLite3", "FreeTDS"])
    monkeypatch.setattr(odbc, "library_of_wheel", lambda: None)

    assert "FreeTDS" == odbc.choose_driver(None)


def test_a_driver_that_is_not_there_is_an_error_with_the_remedy() -> None:
    settings = UNREACHABLE.model_copy(update={"sql_driver": "No Driver"})

    with pytest.raises(SettingsError, match=r"SQL_DRIVER = 'No Driver' names no ODBC driver.*apt"):
        make_engine(settings)


@pytest.mark.parametrize(("trust", "expected"), [(False, "no"), (True, "yes")])
def test_microsofts_driver_encrypts_and_checks_unless_told_to_trust(
    trust: bool, expected: str
) -> None:
    attributes = odbc.microsoft_attributes(odbc.MICROSOFT, trust)

    assert ("yes", expected) == (attributes["Encrypt"], attributes["TrustServerCertificate"])


@pytest.mark.parametrize(
    "url",
    [
        "mssql+pyodbc://u:p@a_data_source",
        "mssql+pyodbc://u:p@h/d?driver=Mine",
        "mssql+pyodbc:///?odbc_connect=DRIVER%3DMine",
    ],
)
def test_a_url_that_names_its_driver_is_left_as_it_is(url: str) -> None:
    assert make_url(url) == make_engine(DatabaseSettings(database_url=url)).url
