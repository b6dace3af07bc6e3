"""A set-up makes logins and users, mends its own, and takes none from others."""

import pytest

from db.__main__ import main
from db.admin.retry import SetupError
from db.settings import SettingsError
from tests.support.set_up import (
    ADMIN,
    READER,
    SERVICE,
    SETTINGS,
    SetUp,
    attempts,
)
from tests.support.tds.answers import Failed
from tests.support.tds.catalogue import Catalogue, Database, Principal
from tests.support.tds.server import TDSServer


@pytest.mark.parametrize(
    ("name", "variable"),
    [(SERVICE, "SQL_USER"), (READER, "GRAFANA_READER_USER"), (SERVICE.upper(), "SQL_USER")],
)
def test_a_login_of_another_is_not_taken_over(
    run: SetUp, catalogue: Catalogue, server: TDSServer, name: str, variable: str
) -> None:
    catalogue.logins[name.lower()] = Principal(name, "another secret", 50)
    own = SERVICE if variable == "SQL_USER" else READER

    with pytest.raises(SetupError, match=rf"^{variable} = .*--reset-passwords") as caught:
        run()

    assert "another secret" == catalogue.logins[name.lower()].password
    assert 1 == attempts(server, own)
    assert "secret" not in str(caught.value)


def test_a_login_gets_another_password_if_that_is_asked_for(
    run: SetUp, catalogue: Catalogue
) -> None:
    catalogue.logins[READER] = Principal(READER, "another secret", 50)

    told = run(reset_passwords=True)

    assert f"login {READER} is ready (password updated)" in told
    assert SETTINGS["grafana_reader_password"] == catalogue.logins[READER].password


def test_the_command_does_so_with_its_option(
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

    refused, reset = main(["setup"]), main(["setup", "--reset-passwords"])

    assert (1, 0) == (refused, reset)
    printed = capsys.readouterr()
    assert printed.err.startswith("SQL_USER = ")
    assert f"login {SERVICE} is ready (password updated)" in printed.out


def test_a_login_of_the_same_password_gets_its_user(run: SetUp, catalogue: Catalogue) -> None:
    catalogue.logins[SERVICE] = Principal(SERVICE, SETTINGS["sql_password"], 50)
    catalogue.databases["sentiment"] = Database()

    told = run()

    assert f"login {SERVICE} is ready" in told
    assert 50 == catalogue.databases["sentiment"].users[SERVICE]


@pytest.mark.parametrize(
    ("number", "help_"), [(18470, "ENABLE"), (18486, "UNLOCK"), (18488, "must be changed")]
)
def test_a_login_that_is_locked_is_told_as_such(
    run: SetUp, catalogue: Catalogue, server: TDSServer, number: int, help_: str
) -> None:
    secret = SETTINGS["sql_password"]
    failure = Failed(number, f"Login failed for user '{SERVICE}'.", 14)
    catalogue.logins[SERVICE] = Principal(SERVICE, secret, 50, refused=failure)

    with pytest.raises(SetupError, match=help_):
        run()

    assert 1 == attempts(server, SERVICE)


@pytest.mark.parametrize(("kind", "word"), [("G", "Windows group"), ("R", "role"), ("C", "certif")])
def test_a_name_that_is_no_login_is_refused(
    run: SetUp, catalogue: Catalogue, kind: str, word: str
) -> None:
    catalogue.logins[READER] = Principal(READER, "", 50, kind)

    with pytest.raises(SetupError, match=f"GRAFANA_READER_USER = '{READER}' is .*{word}"):
        run(reset_passwords=True)


def test_a_user_of_a_restored_database_gets_its_login_back(
    run: SetUp, catalogue: Catalogue
) -> None:
    catalogue.databases["sentiment"] = Database(users={SERVICE: 7, READER: 8})

    told = run()

    assert "ALTER USER [tweet]]service] WITH LOGIN = [tweet]]service]" in catalogue.changes
    assert f"user {SERVICE} was orphaned: mapped to its login again" in told
    sids = {name: catalogue.logins[name].sid for name in (SERVICE, READER)}
    assert sids == catalogue.databases["sentiment"].users


def test_a_user_of_another_login_is_left_alone(run: SetUp, catalogue: Catalogue) -> None:
    catalogue.logins["owner"] = Principal("owner", "", 50)
    catalogue.databases["sentiment"] = Database(users={SERVICE: 50})

    with pytest.raises(SetupError, match=r"SQL_USER = .* belongs to another login, owner"):
        run()

    assert {SERVICE: 50} == catalogue.databases["sentiment"].users


def test_a_user_that_is_a_role_is_refused(run: SetUp, catalogue: Catalogue) -> None:
    catalogue.databases["sentiment"] = Database(users={SERVICE: 7}, kinds={SERVICE: "R"})

    with pytest.raises(SetupError, match=r"SQL_USER = .* is a role in the database"):
        run()


def test_a_login_that_the_database_knows_by_another_name_is_refused(
    run: SetUp, catalogue: Catalogue
) -> None:
    catalogue.logins[SERVICE] = Principal(SERVICE, SETTINGS["sql_password"], 50)
    catalogue.databases["sentiment"] = Database(users={"dbo": 50})

    with pytest.raises(SetupError, match=r"SQL_USER = .* of another name"):
        run()


def test_the_logins_have_the_names_of_the_settings(run: SetUp, catalogue: Catalogue) -> None:
    catalogue.logins["root"] = catalogue.logins.pop(ADMIN)
    catalogue.own = "tweets {=@"

    run(sql_admin_user="root", grafana_reader_user="another reader", sql_db=catalogue.own)

    assert {"root", SERVICE, "another reader"} == set(catalogue.logins)
    assert {"master", catalogue.own} == set(catalogue.databases)


def test_without_a_password_for_it_grafana_gets_no_login(run: SetUp, catalogue: Catalogue) -> None:
    told = run(grafana_reader_password=None)

    assert {ADMIN, SERVICE} == set(catalogue.logins)
    assert "GRAFANA_READER_PASSWORD is not set: no login for Grafana" in told


def test_a_database_that_grafana_does_not_read_may_have_any_name(
    run: SetUp, catalogue: Catalogue
) -> None:
    catalogue.own = "tweets;{=@"

    run(sql_db=catalogue.own, grafana_reader_password=None)

    assert {"master", catalogue.own} == set(catalogue.databases)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sql_db", "tweets;{=@"),
        ("grafana_reader_user", "a;reader"),
        ("grafana_reader_password", "plan;ted-A1"),
    ],
)
def test_what_grafanas_driver_cannot_take_is_refused_before_anything_is_asked(
    run: SetUp, server: TDSServer, field: str, value: str
) -> None:
    with pytest.raises(SettingsError, match=f"{field.upper()} holds ;") as caught:
        run(**{field: value})

    assert "plan" not in str(caught.value)
    assert [] == server.logins


@pytest.mark.parametrize("name", ["sa", "SA", "dbo", "Guest", "grafana_reader", "root", "blank "])
def test_the_service_is_given_no_login_of_another(run: SetUp, server: TDSServer, name: str) -> None:
    with pytest.raises(SettingsError, match=r"SQL_USER = .* cannot be"):
        run(sql_user=name, sql_admin_user="root")

    assert [] == server.logins


@pytest.mark.parametrize("name", ["sa", "ROOT", "public"])
def test_nor_is_grafana(run: SetUp, server: TDSServer, name: str) -> None:
    with pytest.raises(SettingsError, match=r"GRAFANA_READER_USER = .* cannot be"):
        run(grafana_reader_user=name, sql_admin_user="root")

    assert [] == server.logins
