"""Requests and answers of the stand-in."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(frozen=True)
class Account:
    """The user of a token, and whether the token may write."""

    user: str
    may_write: bool


@dataclass(frozen=True)
class Request:
    """A request; ``parts`` are the named parts of its path."""

    path: str
    body: bytes
    headers: Mapping[str, str]
    account: Account | None
    parts: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        return unquote(self.parts[name] or "")

    @property
    def query(self) -> dict[str, str]:
        """Return the query parameters."""
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
    """A response."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def of(value: object, status: int = 200) -> "Answer":
        """Return a JSON response."""
        return Answer(json.dumps(value).encode(), status, {"Content-Type": "application/json"})


class RefusalError(Exception):
    """A request is refused, with the status and message of the Hub."""

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code

    @property
    def answer(self) -> Answer:
        """Return the response; huggingface_hub reads the error from its headers."""
        headers = {"X-Error-Message": str(self)}
        if self.code is not None:
            headers["X-Error-Code"] = self.code
        return Answer(json.dumps({"error": str(self)}).encode(), self.status, headers)
