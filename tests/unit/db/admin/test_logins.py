"""A setup creates and repairs its own logins and users, and takes over no others."""

import pytest

from db.__main__ import main
from db.admin.setup_retries import SetupError
from db.settings import SettingsError
from tests.support.tds.answers import Failed
from tests.support.tds.catalogue import Catalogue, Database, Principal
from tests.support.tds.server import TDSServer
from tests.unit.db.admin.conftest import ADMIN, READER, SERVICE, SETTINGS, SetUp, login_attempts


@pytest.mark.parametrize(
    ("name", "variable"),
    [(SERVICE, "SQL_USER"), (READER, "GRAFANA_READER_USER"), (SERVICE.upper(), "SQL_USER")],
)
def test_an_existing_login_with_another_password_is_not_taken_over(
    run: SetUp, catalogue: Catalogue, server: TDSServer, name: str, variable: str
) -> None:
    catalogue.logins[name.lower()] = Principal(name, "another secret", 50)
    own = SERVICE if variable == "SQL_USER" else READER

    with pytest.raises(SetupError, match=rf"^{variable} = .*--reset-passwords") as caught:
        run()

    assert "another secret" == catalogue.logins[name.lower()].password
    assert 1 == login_attempts(server, own)
    assert "secret" not in str(caught.value)


def test_reset_passwords_updates_the_password_of_an_existing_login(
    run: SetUp, catalogue: Catalogue
) -> None:
    catalogue.logins[READER] = Principal(READER, "another secret", 50)

    log = run(reset_passwords=True)

    assert f"login {READER} is ready (password updated)" in log
    assert SETTINGS["grafana_reader_password"] == catalogue.logins[READER].password


def test_the_command_has_an_option_to_reset_passwords(
    run: SetUp,
    catalogue: Catalogue,
    server: TDSServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run()
    catalogue.logins[SERVICE].password = "another secret"  # noqa: S105
    for name, value in (SETTINGS | {"sql_port": server.address[1]}).items():
        monkeypatch.setenv(name.upper(), str(value))

    statuses = main(["setup"]), main(["setup", "--reset-passwords"])

    assert (1, 0) == statuses
    printed = capsys.readouterr()
    assert printed.err.startswith("SQL_USER = ")
    assert f"login {SERVICE} is ready (password updated)" in printed.out


def test_an_existing_login_with_the_same_password_gets_its_user(
    run: SetUp, catalogue: Catalogue
) -> None:
    catalogue.logins[SERVICE] = Principal(SERVICE, SETTINGS["sql_password"], 50)
    catalogue.databases["sentiment"] = Database()

    log = run()

    assert f"login {SERVICE} is ready" in log
    assert 50 == catalogue.databases["sentiment"].users[SERVICE]


@pytest.mark.parametrize(
    ("number", "remedy"), [(18470, "ENABLE"), (18486, "UNLOCK"), (18488, "must be changed")]
)
def test_the_error_of_a_locked_login_names_its_state(
    run: SetUp, catalogue: Catalogue, server: TDSServer, number: int, remedy: str
) -> None:
    refusal = Failed(number, f"Login failed for user '{SERVICE}'.", 14)
    catalogue.logins[SERVICE] = Principal(SERVICE, SETTINGS["sql_password"], 50, refused=refusal)

    with pytest.raises(SetupError, match=remedy):
        run()

    assert 1 == login_attempts(server, SERVICE)


@pytest.mark.parametrize(("kind", "word"), [("G", "Windows group"), ("R", "role"), ("C", "certif")])
def test_a_principal_of_another_kind_is_rejected(
    run: SetUp, catalogue: Catalogue, kind: str, word: str
) -> None:
    catalogue.logins[READER] = Principal(READER, "", 50, kind)

    with pytest.raises(SetupError, match=f"GRAFANA_READER_USER = '{READER}' is .*{word}"):
        run(reset_passwords=True)


def test_an_orphaned_user_of_a_restored_database_is_mapped_to_its_login(
    run: SetUp, catalogue: Catalogue
) -> None:
    catalogue.databases["sentiment"] = Database(users={SERVICE: 7, READER: 8})

    log = run()

    assert "ALTER USER [tweet]]service] WITH LOGIN = [tweet]]service]" in catalogue.changes
    assert f"user {SERVICE} was orphaned: mapped to its login again" in log
    sids = {name: catalogue.logins[name].sid for name in (SERVICE, READER)}
    assert sids == catalogue.databases["sentiment"].users


@pytest.mark.parametrize(
    ("owner", "database", "problem"),
    [
        ("owner", Database(users={SERVICE: 50}), "belongs to another login, owner"),
        ("owner", Database(users={SERVICE: 7}, kinds={SERVICE: "R"}), "is a role in the database"),
        (SERVICE, Database(users={"dbo": 50}), "of another name"),
    ],
)
def test_a_user_of_another_login_is_rejected_and_left_alone(
    run: SetUp, catalogue: Catalogue, owner: str, database: Database, problem: str
) -> None:
    catalogue.logins[owner] = Principal(owner, SETTINGS["sql_password"], 50)
    catalogue.databases["sentiment"] = database
    users = dict(database.users)

    with pytest.raises(SetupError, match=rf"SQL_USER = .* {problem}"):
        run()

    assert users == catalogue.databases["sentiment"].users


def test_logins_and_database_have_the_names_of_the_settings(
    run: SetUp, catalogue: Catalogue
) -> None:
    catalogue.logins["root"] = catalogue.logins.pop(ADMIN)
    catalogue.own = "tweets {=@"

    run(sql_admin_user="root", grafana_reader_user="another reader", sql_db=catalogue.own)

    assert {"root", SERVICE, "another reader"} == set(catalogue.logins)
    assert {"master", catalogue.own} == set(catalogue.databases)


def test_without_its_password_grafana_gets_no_login_and_any_database_name_is_valid(
    run: SetUp, catalogue: Catalogue
) -> None:
    catalogue.own = "tweets;{=@"

    log = run(sql_db=catalogue.own, grafana_reader_password=None)

    assert {ADMIN, SERVICE} == set(catalogue.logins)
    assert {"master", catalogue.own} == set(catalogue.databases)
    assert "GRAFANA_READER_PASSWORD is not set: no login for Grafana" in log


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        *[
            ({"sql_user": name}, "SQL_USER = .* cannot be")
            for name in ["sa", "SA", "dbo", "Guest", "grafana_reader", "root", "blank "]
        ],
        *[
            ({"grafana_reader_user": name}, "GRAFANA_READER_USER = .* cannot be")
            for name in ["sa", "ROOT", "public"]
        ],
        *[({"sql_db": name}, "SQL_DB = .* is a system database") for name in ["master", "TempDB"]],
        # what Grafana's driver cannot handle
        ({"sql_db": "tweets;{=@"}, "SQL_DB contains ;"),
        ({"grafana_reader_user": "a;reader"}, "GRAFANA_READER_USER contains ;"),
        ({"grafana_reader_password": "plan;ted-A1"}, "GRAFANA_READER_PASSWORD contains ;"),
    ],
)
def test_invalid_settings_are_rejected_before_connecting(
    run: SetUp, server: TDSServer, changes: dict[str, str], problem: str
) -> None:
    with pytest.raises(SettingsError, match=problem) as caught:
        run(sql_admin_user="root", **changes)

    assert "plan" not in str(caught.value)
    assert [] == server.logins
