"""The prediction log's own commands: `python -m db --help`."""

import argparse
import json
import logging
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from db.admin.retention import keep_pruning, parse_age, prune
from db.admin.setup import set_up
from db.admin.setup_error import SetupError
from db.admin.status import dead_letters, requeue_dead_letters, spool_depth, stored_rows
from db.database.compatibility import IncompatibleDatabaseError, check_compatibility
from db.database.engine import make_engine
from db.settings import DatabaseSettings, SettingsError, SetupSettings
from db.writing.login_backoff import LoginBackoffState, clear_login_backoff


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status."""
    given = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    command: Callable[[argparse.Namespace], int] = given.command
    try:
        return command(given)
    except DBAPIError as error:
        return _fail(str(error.orig))
    except (SettingsError, SetupError, IncompatibleDatabaseError, OSError) as error:
        return _fail(str(error))
    except SQLAlchemyError as error:
        return _fail(f"{type(error).__name__}: {error}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m db", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    setup = commands.add_parser("setup", help="create the database, its tables and logins")
    setup.add_argument(
        "--reset-passwords",
        action="store_true",
        help="give logins that exist the passwords of the settings, in place of their own",
    )
    setup.set_defaults(command=_setup)

    status = commands.add_parser("status", help="count stored rows, spooled rows and dead letters")
    status.set_defaults(command=_status)

    again = commands.add_parser("retry", help="have the service try a refused login again now")
    again.set_defaults(command=_retry)

    old = commands.add_parser("prune", help="delete old rows")
    old.add_argument("--older-than", type=_age, required=True, metavar="AGE", help="90d, 12h, 30m")
    old.add_argument("--every", type=_pause, metavar="AGE", help="go on, and delete again: 24h")
    old.set_defaults(command=_prune)

    dead = commands.add_parser(
        "dead-letters", aliases=["quarantine"], help="list the rows that the database refuses"
    )
    dead.add_argument("--requeue", "--replay", action="store_true", help="write them again")
    dead.set_defaults(command=_dead_letters)
    return parser


def _setup(given: argparse.Namespace) -> int:
    settings = SetupSettings.read()
    set_up(settings, print, given.reset_passwords)
    clear_login_backoff(settings.spool_dir)  # if it is the service's: the login may be right now
    return 0


def _status(_: argparse.Namespace) -> int:
    settings = DatabaseSettings.read()
    depth = spool_depth(settings.spool_dir)
    print(f"spooled rows:      {depth.pending}")
    print(f"oldest of them:    {depth.oldest_age_s:.1f} s")
    print(f"dead letters:      {depth.dead_letters}")
    if refusals := LoginBackoffState.read(settings.spool_dir):
        print(f"login refused:     next attempt in {refusals.remaining_s:.0f} s, or by `retry`")
    engine = make_engine(settings)
    try:
        print(f"rows in database:  {stored_rows(engine)}")
        check_compatibility(engine)
    finally:
        engine.dispose()
    return 0


def _retry(_: argparse.Namespace) -> int:
    if clear_login_backoff(DatabaseSettings.read().spool_dir):
        print("the service logs in again within a second or two")
    else:
        print("no service that spools here waits to log in again")
    return 0


def _prune(given: argparse.Namespace) -> int:
    settings = SetupSettings.read()
    engine = make_engine(settings, settings.admin_url())
    say = partial(print, flush=True)

    def run() -> None:
        say(f"{prune(engine, given.older_than, say)} rows were older")
        engine.dispose()

    if given.every is not None:
        keep_pruning(run, given.every, say)
    run()
    return 0


def _dead_letters(given: argparse.Namespace) -> int:
    folder = DatabaseSettings.read().spool_dir
    if given.requeue:
        print(f"{requeue_dead_letters(folder)} rows will be tried again")
        return 0
    for row in dead_letters(folder):
        print(json.dumps({"refused": row.refused, "row": _unfolded(row.body)}))
    return 0


def _unfolded(body: str) -> Any:
    """Return the row that a body holds, or the body itself where it is damaged."""
    try:
        return json.loads(body)
    except ValueError:
        return body


def _age(text: str) -> timedelta:
    try:
        return parse_age(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _pause(text: str) -> timedelta:
    if not (pause := _age(text)):
        raise argparse.ArgumentTypeError("write 1m at least")
    return pause


def _fail(message: str) -> int:
    print(message, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
