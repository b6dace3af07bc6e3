"""Find values that a program of the stack cannot read, however they are quoted."""

from __future__ import annotations

import re
from pathlib import Path

# Grafana expands these in its settings, also in those that come from the environment: see
# `expandConfig` in grafana/pkg/setting and `transformValue` in go-ini.
EXPANDED = re.compile(r"\$(__\w+)?\{|%\(")
GRAFANA_SETTINGS = (
    "GRAFANA_ADMIN_PASSWORD",
    "GRAFANA_URL",
    "SMTP_FROM",
    "SMTP_HOST",
    "SMTP_PASSWORD",
    "SMTP_USER",
)
GRAFANA_LOGIN = ("GRAFANA_READER_PASSWORD", "GRAFANA_READER_USER", "SQL_DB")
EXAMPLE = Path(__file__).parent.parent / ".env.example"


def value_problem(name: str, value: str) -> str:
    """Return why a variable cannot have this value, and the remedy; empty if it can."""
    if name != name.upper() and name.upper() in _documented():
        return f"is a name that only Python reads. Write {name.upper()}"
    if name in GRAFANA_LOGIN:
        return login_problem(value)
    if name in GRAFANA_SETTINGS and EXPANDED.search(value):
        return "contains ${, $__NAME{ or %(, which Grafana expands. Choose another value"
    return ""


def login_problem(value: str) -> str:
    """Return why Grafana cannot use a password or name, and the remedy; empty if it can.

    Grafana 11.6 puts them into ``user id=...;password=...;`` as they are, and its driver ends a
    value at a semicolon, strips blanks, and in newer versions reads double quotes as quotes
    (`generateConnectionString` in grafana/pkg/tsdb/mssql, `splitConnectionString` in
    go-mssqldb/msdsn).
    Source: https://github.com/grafana/grafana/issues/17665
    """
    if ";" in value or '"' in value:
        return "contains ; or \", which Grafana's driver cannot read. Choose another value"
    if not value.isprintable():
        return "contains a character that Grafana's driver may strip. Choose another value"
    if value != value.strip():
        return "begins or ends with a blank, which Grafana's driver strips. Choose another value"
    return ""


def _documented() -> set[str]:
    text = EXAMPLE.read_text(encoding="utf-8") if EXAMPLE.exists() else ""
    return set(re.findall(r"^#?(\w+)=", text, re.MULTILINE))
