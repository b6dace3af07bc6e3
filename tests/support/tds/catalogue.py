"""The databases, logins and users of a SQL Server, as far as a setup reads or changes them."""

import re
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeAlias

from tests.support.tds import sqlalchemy_queries
from tests.support.tds.answers import Answer, Done, Failed, Rows
from tests.support.tds.requests import Login, Query

FIRST_SID = 100  # of logins that the setup creates
BARRIER_TIMEOUT_S = 10  # maximum seconds that a setup waits for another one

NAME = r"\[((?:[^\]]|\]\])*)\]"
TEXT = r"N'((?:[^']|'')*)'"

Found: TypeAlias = list[str | int | None] | None  # a row


@dataclass
class Principal:
    """A login of the server: ``kind`` is its type in the catalogue, S for one with a password."""

    name: str
    password: str
    sid: int
    kind: str = "S"
    refused: Failed | None = None  # why it is refused, other than by a wrong password


@dataclass
class Database:
    """A database; ``users`` are the SIDs of their logins, by name."""

    row_versions: bool = False
    level: int = 160
    users: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)


class Catalogue:
    """The state, which statements change. Names are case-insensitive.

    ``changes`` are the statements that create, alter and grant. A statement that begins with a key
    of ``meetings`` is answered once two connections have sent it; one that begins with a key of
    ``failures`` fails.
    """

    def __init__(self, admin: str, password: str) -> None:
        self.logins = {admin.lower(): Principal(admin, password, 1)}
        self.databases: dict[str, Database] = {"master": Database()}
        self.level = 160  # of new databases
        self.own = "sentiment"  # the database that is set up
        self.refusals: list[Failed] = []  # of the first logins, of any name
        self.changes: list[str] = []
        self.failures: dict[str, Failed] = {}
        self.meetings: dict[str, threading.Barrier] = {}
        self._lock = threading.Lock()

    def admit(self, login: Login) -> Failed | None:
        """Refuse a wrong password, and a database in which the login has no user."""
        if self.refusals:
            return self.refusals.pop()
        known = self.logins.get(login.user.lower())
        if known is not None and known.refused is not None:
            return known.refused
        if known is None or known.password != login.password:
            return Failed(18456, f"Login failed for user '{login.user}'.", 14)
        database = self.databases.get(login.database.lower())
        is_admin = known.sid == 1
        if database is None or not (
            is_admin or database is self.databases["master"] or known.sid in database.users.values()
        ):
            return Failed(4060, f'Cannot open database "{login.database}".', 11)
        return None

    def respond(self, query: Query) -> Answer:
        """Answer a query, or execute a change."""
        if (known := sqlalchemy_queries.answer(query)) is not None:
            return known
        with self._lock:
            failed = next((f for s, f in self.failures.items() if query.sql.startswith(s)), None)
            answer = failed or self._answer(query)
        for start, barrier in list(self.meetings.items()):
            if query.sql.startswith(start):
                with suppress(threading.BrokenBarrierError):
                    barrier.wait(BARRIER_TIMEOUT_S)
                    self.meetings.pop(start, None)
        return answer

    def _answer(self, query: Query) -> Answer:
        if query.sql.startswith("SELECT"):
            for start, find in self._questions():
                if re.match(start, query.sql):
                    row = find(*query.parameters)
                    return Rows(["value"] * len(row), [row]) if row else Rows(["value"])
            asks_for_tables = "sys" in query.sql or "INFORMATION_SCHEMA" in query.sql
            return Rows(["name"]) if asks_for_tables else Rows(["number"], [[0]])
        if query.sql.startswith(("CREATE", "ALTER", "GRANT")):
            self.changes.append(query.sql)
        for pattern, change in self._statements():
            if (found := re.match(pattern, query.sql)) is not None:
                given = [text.replace("]]", "]").replace("''", "'") for text in found.groups()]
                return change(*given)
        return Done()

    def _statements(self) -> list[tuple[str, Callable[..., Answer]]]:
        """Return the handlers of changes by the pattern of the statement."""
        return [
            (rf"CREATE DATABASE {NAME}", self._create_database),
            (rf"ALTER DATABASE {NAME} SET READ_COMMITTED_SNAPSHOT ON", self._switch),
            (rf"ALTER DATABASE {NAME} SET COMPATIBILITY_LEVEL = (\d+)", self._set_level),
            (rf"CREATE LOGIN {NAME} WITH PASSWORD = {TEXT}", self._create_login),
            (rf"ALTER LOGIN {NAME} WITH PASSWORD = {TEXT}", self._set_password),
            (rf"CREATE USER {NAME} FOR LOGIN {NAME}", self._create_user),
            (rf"ALTER USER {NAME} WITH LOGIN = {NAME}", self._map_user),
        ]

    def _questions(self) -> list[tuple[str, Callable[..., Found]]]:
        """Return the results of queries by the start of the query."""
        return [
            (r"SELECT DB_ID\(", lambda name: [5 if name.lower() in self.databases else None]),
            ("SELECT is_read_committed", lambda name: [int(self._database(name).row_versions)]),
            ("SELECT compatibility_level", lambda name: [self._database(name).level]),
            (r"SELECT DB_NAME\(\)", lambda: [self.own, self._database(self.own).level]),
            ("SELECT 1 FROM sys.server_principals", self._is_login),
            ("SELECT type FROM sys.server_principals", self._type_of_login),
            ("SELECT 1 FROM sys.database_principals", self._is_user),
            ("SELECT u.type, l.name", self._describe_user),
        ]

    def _database(self, name: str) -> Database:
        return self.databases[name.lower()]

    def _create_database(self, name: str) -> Answer:
        if name.lower() in self.databases:
            return Failed(
                1801, f"Database '{name}' already exists. Choose a different database name."
            )
        self.databases[name.lower()] = Database(level=self.level)
        return Done()

    def _switch(self, name: str) -> Answer:
        self._database(name).row_versions = True
        return Done()

    def _set_level(self, name: str, level: str) -> Answer:
        self._database(name).level = int(level)
        return Done()

    def _create_login(self, name: str, password: str) -> Answer:
        if name.lower() in self.logins:
            return Failed(15025, f"The server principal '{name}' already exists.")
        self.logins[name.lower()] = Principal(name, password, FIRST_SID + len(self.logins))
        return Done()

    def _set_password(self, name: str, password: str) -> Answer:
        self.logins[name.lower()].password = password
        return Done()

    def _create_user(self, name: str, login: str) -> Answer:
        users, sid = self._database(self.own).users, self.logins[login.lower()].sid
        if name.lower() in users:
            return Failed(15023, f"User, group, or role '{name}' already exists.")
        if sid in users.values():
            return Failed(15063, "The login already has an account under a different user name.")
        users[name.lower()] = sid
        return Done()

    def _map_user(self, name: str, login: str) -> Answer:
        self._database(self.own).users[name.lower()] = self.logins[login.lower()].sid
        return Done()

    def _is_login(self, name: str) -> Found:
        return [1] if name.lower() in self.logins else None

    def _type_of_login(self, name: str) -> Found:
        return [self.logins[name.lower()].kind]

    def _is_user(self, name: str) -> Found:
        return [1] if name.lower() in self._database(self.own).users else None

    def _describe_user(self, login: str, name: str) -> Found:
        database = self._database(self.own)
        sid = database.users[name.lower()]
        owner = next((each.name for each in self.logins.values() if each.sid == sid), None)
        is_ours = int(owner is not None and owner.lower() == login.lower())
        return [database.kinds.get(name.lower(), "S"), owner, is_ours, owner]
