"""Prepare a database as its administrator: tables, and logins that may do no more than needed."""

from collections.abc import Callable

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from db.admin.setup_error import SetupError
from db.admin.setup_logins import logins_of
from db.admin.sql_server_setup import SQLServerSetup
from db.admin.waiting import repeat, wait_for
from db.database.compatibility import IncompatibleDatabaseError, check_compatibility
from db.database.engine import make_engine
from db.database.layout import REWRITE_TIMEOUT_S
from db.database.migrations import migrate
from db.settings import SetupSettings

Say = Callable[[str], None]


def set_up(settings: SetupSettings, say: Say, reset_passwords: bool = False) -> None:
    """Create what is missing, and leave what is there alone; ``say`` is told each step.

    On SQL Server that is the database, its tables and two logins: SQL_USER, which may insert and
    select, and Grafana's, which may select. Logins that exist must have the passwords of the
    settings; with ``reset_passwords`` they get them. Other databases get their tables. In the
    end, each login uses what it may use. Raises SetupError or SettingsError.
    """
    try:
        if settings.is_sql_server:
            _set_up_sql_server(settings, say, reset_passwords)
        else:
            engine = make_engine(settings)
            wait_for(engine, say)
            _create_tables(engine, make_engine(settings, use_timeout_s=REWRITE_TIMEOUT_S), say)
            check_compatibility(engine)
            engine.dispose()
    except DBAPIError as error:
        # neither the statement, which may set a password, nor a traceback that shows it
        raise SetupError(str(error.orig)) from None
    except (IncompatibleDatabaseError, SQLAlchemyError) as error:
        raise SetupError(str(error)) from None


def _set_up_sql_server(settings: SetupSettings, say: Say, reset_passwords: bool) -> None:
    logins = logins_of(settings)
    settings.check_grafana_login()
    if settings.grafana_reader_password is None:
        say("GRAFANA_READER_PASSWORD is not set: no login for Grafana")
    for login in logins:  # before anything is created: what the driver cannot be given
        make_engine(settings, settings.login_url(login.name, login.password)).dispose()
    server = make_engine(settings, settings.admin_url("master"))
    database = make_engine(settings, settings.admin_url())
    steps = SQLServerSetup(settings, server, database, say)
    wait_for(server, say)
    steps.create_database()
    administrator = settings.admin_url()
    _create_tables(database, make_engine(settings, administrator, REWRITE_TIMEOUT_S), say)
    for login in logins:
        steps.create_login(login, reset_passwords)
    for login in logins:
        steps.check_rights(login)
    check_compatibility(database)
    server.dispose()
    database.dispose()


def _create_tables(engine: Engine, patient: Engine, say: Say) -> None:
    wait_for(engine, say)
    repeat(engine, lambda: migrate(engine, say=say, patient=patient))
    patient.dispose()
    say("the tables are there")
