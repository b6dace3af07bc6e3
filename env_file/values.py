"""Values that the stack's programs cannot be given, however they are quoted."""

from __future__ import annotations

import re
from pathlib import Path

from db.grafana_login import login_problem

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
    """Return why a variable cannot have a value, and the remedy; empty if it can."""
    if name != name.upper() and name.upper() in _documented():
        return f"is a name that Python alone reads. Write {name.upper()}"
    if name in GRAFANA_LOGIN:
        return login_problem(value)
    if name in GRAFANA_SETTINGS and EXPANDED.search(value):
        return "holds ${, $__NAME{ or %(, which Grafana expands. Choose another one"
    return ""


def _documented() -> set[str]:
    text = EXAMPLE.read_text(encoding="utf-8") if EXAMPLE.exists() else ""
    return set(re.findall(r"^#?(\w+)=", text, re.MULTILINE))
