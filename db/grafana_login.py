"""What Grafana can be given to log in to SQL Server with; it needs Python's own library alone."""

from __future__ import annotations  # `make env` runs it with any Python


def login_problem(value: str) -> str:
    """Return why Grafana cannot be given a password or name, and the remedy; empty if it can.

    Grafana 11.6 puts them into ``user id=...;password=...;`` as they are, and its driver ends a
    value at a semicolon, strips blanks, and in newer versions reads double quotes as quotes
    (`generateConnectionString` in grafana/pkg/tsdb/mssql, `splitConnectionString` in
    go-mssqldb/msdsn).
    Source: https://github.com/grafana/grafana/issues/17665
    """
    if ";" in value or '"' in value:
        return "holds ; or \", which Grafana's driver cannot take. Choose another one"
    if not value.isprintable():
        return "holds a character that Grafana's driver may strip. Choose another one"
    if value != value.strip():
        return "begins or ends with a blank, which Grafana's driver strips. Choose another one"
    return ""
