"""Every form of a SQL Server address is parsed, or rejected in one line."""

import pytest

from db.database.server_address import ServerAddress, ServerAddressError, parse_server_address


@pytest.mark.parametrize(
    ("text", "port", "expected"),
    [
        ("db.example", None, ServerAddress("db.example", 1433)),
        ("db.example", 1444, ServerAddress("db.example", 1444)),
        (" db.example ", None, ServerAddress("db.example", 1433)),
        ("db_1", None, ServerAddress("db_1", 1433)),
        ("db.example,1444", None, ServerAddress("db.example", 1444)),
        ("db.example , 1444", None, ServerAddress("db.example", 1444)),
        ("db.example,1444", 1444, ServerAddress("db.example", 1444)),
        ("db.example:1444", None, ServerAddress("db.example", 1444)),
        ("tcp:db.example", None, ServerAddress("db.example", 1433)),
        ("TCP:db.example,1444", None, ServerAddress("db.example", 1444)),
        ("tcp:db.example:1444", None, ServerAddress("db.example", 1444)),
        ("10.0.0.7", None, ServerAddress("10.0.0.7", 1433)),
        ("::1", None, ServerAddress("::1", 1433)),
        ("::1,1444", None, ServerAddress("::1", 1444)),
        ("[::1]", None, ServerAddress("::1", 1433)),
        ("[fe80::1%eth0]:1444", None, ServerAddress("fe80::1%eth0", 1444)),
        ("tcp:[::1],1444", None, ServerAddress("::1", 1444)),
        (".", None, ServerAddress("localhost", 1433)),
        ("(local)", None, ServerAddress("localhost", 1433)),
        ("db.example\\SQLEXPRESS", None, ServerAddress("db.example", None, "SQLEXPRESS")),
        (".\\SQLEXPRESS", None, ServerAddress("localhost", None, "SQLEXPRESS")),
        ("tcp:db.example\\A$1", None, ServerAddress("db.example", None, "A$1")),
        ("db.example\\MSSQLSERVER", None, ServerAddress("db.example", 1433)),
        ("db.example\\SQLEXPRESS", 1444, ServerAddress("db.example", 1444)),
        ("db.example\\SQLEXPRESS,1444", None, ServerAddress("db.example", 1444)),
    ],
)
def test_an_address_is_parsed(text: str, port: int | None, expected: ServerAddress) -> None:
    address = parse_server_address(text, port)

    assert expected == address
    assert address == parse_server_address(address.server, address.port)


@pytest.mark.parametrize(
    ("text", "port", "problem"),
    [
        ("", None, "neither a host name"),
        ("  ", None, "neither a host name"),
        ("tcp:", None, "neither a host name"),
        (",1433", None, "neither a host name"),
        ("\\SQLEXPRESS", None, "neither a host name"),
        ("two words", None, "neither a host name"),
        ("db.example]", None, "neither a host name"),
        ("db.example\nport = 1", None, "neither a host name"),
        ("db.example#1", None, "neither a host name"),
        ("h" * 241, None, "neither a host name"),
        ("[db.example]", None, "no IPv6 address"),
        ("[::1", None, "neither a host name"),
        ("db.example,", None, "no port from 1 to 65535"),
        ("db.example,0", None, "no port from 1 to 65535"),
        ("db.example,65536", None, "no port from 1 to 65535"),
        ("db.example,1433,1434", None, "neither a host name"),
        ("db.example:http", None, "no port from 1 to 65535"),
        ("db.example,1444", 1433, "port 1444, but port 1433 is set separately"),
        ("db.example\\", None, "no instance"),
        ("db.example\\two words", None, "no instance"),
        ("db.example\\\\SQLEXPRESS", None, "no instance"),
        ("\\\\db.example\\pipe\\sql\\query", None, "Windows only"),
        ("np:db.example", None, "Windows only"),
        ("lpc:db.example", None, "Windows only"),
        ("(localdb)\\MSSQLLocalDB", None, "LocalDB"),
        ("admin:db.example", None, "dedicated administrator"),
        ("mssql+pyodbc://user:secret@db.example/tweets", None, "is a URL"),
        ("jdbc:sqlserver://db.example;password=secret", None, "is a URL"),
        ("db.example;UID=user;PWD=secret", None, "neither a host name"),
        ("user:secret@db.example", None, "no port from 1 to 65535"),
    ],
)
def test_an_invalid_address_is_rejected_in_one_line(
    text: str, port: int | None, problem: str
) -> None:
    with pytest.raises(ServerAddressError, match=problem) as caught:
        parse_server_address(text, port)

    error = caught.value
    line = f"SQL_SERVER{error.shown} {error.problem}. {error.remedy}"
    assert "\n" not in line
    assert "secret" not in line
    assert error.remedy
