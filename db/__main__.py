"""Commands of the prediction log: set up, inspect and prune its database and spool."""

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from db.admin.prune import keep_pruning, parse_age, prune
from db.admin.setup import set_up
from db.admin.setup_retries import SetupError
from db.admin.status import count_stored_rows, dead_letters, requeue_dead_letters, spool_depth
from db.database.engine import make_engine
from db.database.tsql import IncompatibleDatabaseError, check_compatibility_level
from db.settings import DatabaseSettings, SettingsError, SetupSettings
from db.writing.login_backoff import LoginBackoffState, clear_login_backoff


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    try:
        options.command(options)
    except DBAPIError as error:
        return _fail(str(error.orig))
    except (SettingsError, SetupError, IncompatibleDatabaseError, OSError) as error:
        return _fail(str(error))
    except SQLAlchemyError as error:
        return _fail(f"{type(error).__name__}: {error}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m db", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("setup", help="create the database, its tables and logins")
    command.add_argument(
        "--reset-passwords",
        action="store_true",
        help="change the passwords of existing logins to those of the settings",
    )
    command.set_defaults(command=_setup)

    command = commands.add_parser("status", help="count stored rows, spooled rows and dead letters")
    command.set_defaults(command=_status)

    command = commands.add_parser("retry", help="make the service retry a refused login now")
    command.set_defaults(command=_retry)

    command = commands.add_parser("prune", help="delete old rows")
    command.add_argument(
        "--older-than", type=_age, required=True, metavar="AGE", help="90d, 12h or 30m"
    )
    command.add_argument(
        "--every", type=_interval, metavar="AGE", help="repeat at this interval, such as 24h"
    )
    command.set_defaults(command=_prune)

    command = commands.add_parser(
        "dead-letters", aliases=["quarantine"], help="list the rows that the database refuses"
    )
    command.add_argument("--requeue", "--replay", action="store_true", help="write them again")
    command.set_defaults(command=_dead_letters)
    return parser


def _setup(options: argparse.Namespace) -> None:
    settings = SetupSettings.read()
    set_up(settings, print, options.reset_passwords)
    clear_login_backoff(settings.spool_dir)  # a service here retries its login now


def _status(_: argparse.Namespace) -> None:
    settings = DatabaseSettings.read()
    depth = spool_depth(settings.spool_dir)
    print(f"spooled rows:      {depth.pending}")
    print(f"oldest of them:    {depth.oldest_age_s:.1f} s")
    print(f"dead letters:      {depth.dead_letters}")
    if backoff := LoginBackoffState.read(settings.spool_dir):
        print(f"login refused:     retry in {backoff.remaining_s:.0f} s, or `python -m db retry`")
    engine = make_engine(settings)
    try:
        print(f"rows in database:  {count_stored_rows(engine)}")
        check_compatibility_level(engine)
    finally:
        engine.dispose()


def _retry(_: argparse.Namespace) -> None:
    if clear_login_backoff(DatabaseSettings.read().spool_dir):
        print("the service logs in again within two seconds")
    else:
        print("no service with this spool is waiting to log in again")


def _prune(options: argparse.Namespace) -> None:
    settings = SetupSettings.read()
    engine = make_engine(settings, settings.admin_url())
    log = partial(print, flush=True)

    def run() -> None:
        log(f"deleted {prune(engine, options.older_than, log)} rows in total")
        engine.dispose()

    if options.every is not None:
        keep_pruning(run, options.every, log)
    run()


def _dead_letters(options: argparse.Namespace) -> None:
    folder = DatabaseSettings.read().spool_dir
    if options.requeue:
        print(f"requeued {requeue_dead_letters(folder)} rows")
        return
    for row in dead_letters(folder):
        print(json.dumps({"refused": row.refused, "row": _parse_if_json(row.body)}))


def _parse_if_json(body: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:  # a damaged row
        return body


def _age(text: str) -> timedelta:
    try:
        return parse_age(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _interval(text: str) -> timedelta:
    if not (interval := _age(text)):
        raise argparse.ArgumentTypeError("the shortest interval is 1m")
    return interval


def _fail(message: str) -> int:
    print(message, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
