"""A URL is parsed as meant or rejected: no part of a password becomes a host or database."""

import random
import re
from urllib.parse import quote

import pytest
from pydantic import SecretStr
from sqlalchemy.exc import DBAPIError

from db.database.engine import make_engine
from db.database.url import DatabaseUrlError, host_and_database, parse_url
from db.settings import DatabaseSettings, SettingsError
from tests.support.server import free_port

SIGNS = "@/:?#%&=;[]{}\\'\"$!+,.~|^*()<>`-_"
TEMPLATES = [
    "postgresql://svc:{}@127.0.0.1:{port}/tweets",
    "postgresql://{}@127.0.0.1:{port}/tweets",
    "postgresql+psycopg://svc:{}@127.0.0.1:{port}/tweets?connect_timeout=2",
    "postgresql://127.0.0.1:{port}/tweets?user=svc&password={}",
    "postgresql://127.0.0.1:{port}/tweets?password={}&user=svc",
    "mssql+pyodbc://svc:{}@127.0.0.1:{port}/tweets?driver=FreeTDS",
    "mssql+pyodbc:///?odbc_connect=DRIVER={{FreeTDS}};SERVER=127.0.0.1;PORT={port};UID=u;PWD={}",
    "mysql://svc:{}@127.0.0.1:{port}/tweets",
    "oracle+oracledb://svc:{}@127.0.0.1:{port}/tweets",
    "sqlite://svc:{}@127.0.0.1/tweets",
    "sqlite:///svc:{}@127.0.0.1/tweets",
    "sqlite:////svc:{}@127.0.0.1/tweets",
    "postgresql:/svc:{}@127.0.0.1:{port}/tweets",
    "svc:{}@127.0.0.1:{port}/tweets",
]


def make_password(rng: random.Random) -> str:
    """Return a password whose parts of four characters occur nowhere else by chance."""
    signs = rng.choices(SIGNS, k=rng.randint(1, 8))
    letters = rng.choices("QXZJVKW", k=24)
    return "".join(rng.sample(signs + letters, len(signs) + len(letters)))


def startup_messages(url: str) -> str:
    """Return what the service and its writer log if a database does not answer."""
    settings = DatabaseSettings(database_url=SecretStr(url), database_timeout_s=2)
    messages = ""
    try:
        messages = host_and_database(settings.url())
        with make_engine(settings).connect():
            raise AssertionError("nobody listens there")
    except (SettingsError, DBAPIError) as error:
        return f"{messages} {error} {getattr(error, 'orig', '')}"


@pytest.mark.parametrize("template", TEMPLATES)
def test_no_part_of_a_password_is_logged(
    template: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("here"))
    rng, port = random.Random(template), free_port()

    for _ in range(60):
        password = make_password(rng)
        messages = startup_messages(template.format(password, port=port))
        parts = {password[start : start + 4] for start in range(len(password) - 3)}
        assert not [part for part in parts if part in messages], (password, messages)


@pytest.mark.parametrize("template", [each for each in TEMPLATES if "svc:{}@" in each])
def test_an_accepted_url_is_parsed_as_meant(template: str) -> None:
    rng = random.Random(template)
    for _ in range(500):
        try:
            url = parse_url(template.format(make_password(rng), port=5432))
        except DatabaseUrlError:
            continue
        assert ("svc", "127.0.0.1", 5432, "tweets") == (
            url.username,
            url.host,
            url.port,
            url.database,
        )


@pytest.mark.parametrize("template", [each for each in TEMPLATES if "://svc:{}@" in each][:3])
def test_any_password_can_be_percent_encoded(template: str) -> None:
    rng = random.Random(template)
    for _ in range(200):
        password = make_password(rng)

        url = parse_url(template.format(quote(password, safe=""), port=5432))

        assert (password, "127.0.0.1", "tweets") == (url.password, url.host, url.database)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u:p/w:x#y?z@host:5432/db", "host/db"),  # SQLAlchemy reads it right
        ("postgresql://me@corp:p@host/db", "host/db"),
        ("postgresql://u:p@/db?host=/var/run/postgresql&options=-csearch_path%3Dx", "db"),
        ("postgresql://u:p@[::1]:5432/db?sslmode=require&application_name=a@b", None),
        ("postgresql://host/db?sslmode=require&application_name=a@b", "host/db"),
        ("mssql+pyodbc://u:p@host\\INST/db?driver=ODBC+Driver+18+for+SQL+Server", "host\\INST/db"),
        ("mssql+pyodbc:///?odbc_connect=DRIVER={x};SERVER=h;UID=u;PWD=a@b/c:d", ""),
        ("mssql+pyodbc://a_data_source", "a_data_source"),
        ("sqlite:///data/x.db", "data/x.db"),
        ("sqlite:////srv/me@work/x.db", "a file"),
        ("sqlite:///file:x.db?mode=rw&uri=true", "file:x.db"),
    ],
)
def test_a_usual_url_is_accepted(url: str, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(DatabaseUrlError):
            parse_url(url)
    else:
        assert expected == host_and_database(parse_url(url))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p@ss/w@host/db",
        "postgresql://u:a@b?c@host/db",
        "postgresql://u:a@b#c@host/db",
        "postgresql://u:a@b:c@host:5432/db",
        "postgresql://domain/user:secret@host/db",
        "postgresql://host:5432/db?user=u&password=p@ss",
        "postgresql://host?user=u&password=p@ss",
        "postgresql://u:p@ho st/db",
        "postgresql://u:p@host:54x/db",
        "postgresql://u:p@host/d:b",
        "postgresql://u:p@host/db#fragment",
        "postgresql://host/db?password=secret&more",
        "postgresql://host/db?password=secret&more=x",
        "postgresql://u:p@host/db\n",
        "postgresql://u:p@host/d%0Ab",
        "postgresql://u%0A:p@host/db",
        "mssql+pyodbc://u:p@host/d%1Bb?driver=x",
        "sqlite:///d%0Ab",
        "mssql+pyodbc://u:p@ss@host/db?driver=x",
        "sqlite://u:p@host/db",
        "sqlite:///u:p@host/db",
    ],
)
def test_an_ambiguous_url_is_rejected_in_one_line(url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        DatabaseSettings(database_url=SecretStr(url)).url()

    assert re.fullmatch(r"DATABASE_URL [^\n]+ percent-encode [^\n]+", str(caught.value))


def test_host_and_database_are_one_line() -> None:
    settings = DatabaseSettings(
        sql_server="host", sql_user="u", sql_password=SecretStr("p"), sql_db="d\nb\x1b\u2028é"
    )

    assert r"host/d\nb\x1b\u2028é" == host_and_database(settings.url())
