"""Requests and answers of the stand-in."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(frozen=True)
class Account:
    """Hold who a token belongs to and whether it may write."""

    user: str
    may_write: bool


@dataclass(frozen=True)
class Request:
    """Hold a request; ``parts`` are what its route found in the path."""

    path: str
    body: bytes
    headers: Mapping[str, str]
    account: Account | None
    parts: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        return unquote(self.parts[name] or "")

    @property
    def query(self) -> dict[str, str]:
        """Return the parameters of the address."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}

    @property
    def form(self) -> dict[str, list[str]]:
        """Return the fields of a form's body."""
        return parse_qs(self.body.decode())

    def json(self) -> Any:
        """Return the body's JSON value."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """Hold an answer before it is written."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def of(value: object, status: int = 200) -> "Answer":
        """Return a value as JSON."""
        return Answer(json.dumps(value).encode(), status, {"Content-Type": "application/json"})


class RefusalError(Exception):
    """Tell a client no, in the way the Hub does."""

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code

    @property
    def answer(self) -> Answer:
        """Return it as the Hub words it: for people in the body, for clients in headers."""
        headers = {"X-Error-Message": str(self)}
        if self.code is not None:
            headers["X-Error-Code"] = self.code
        return Answer(json.dumps({"error": str(self)}).encode(), self.status, headers)
