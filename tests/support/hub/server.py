"""The stand-in's server: who may do what, and how requests and answers travel."""

import contextlib
import re
import secrets
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.support.hub import reading, writing
from tests.support.hub.faults import Fault, Faults
from tests.support.hub.messages import Account, Answer, RefusalError, Request
from tests.support.hub.storage import Commit, File, Repository, State, goes_to_lfs

REPO = r"(?P<repo_id>[^/]+/[^/]+)"
API = rf"/api/(?P<kind>models|datasets)/{REPO}"
FILE_OF = rf"/(?:(?P<kind>datasets)/)?{REPO}"
REVISION = r"(?P<revision>[^/]+)"
ROUTES: dict[str, Callable[["Hub", Request], Answer]] = {
    r"GET /api/whoami-v2": reading.whoami,
    rf"GET {API}": reading.info,
    rf"GET {API}/revision/{REVISION}": reading.info,
    rf"GET {API}/tree/{REVISION}(?:/(?P<path>.+))?": reading.tree,
    rf"POST {API}/paths-info/{REVISION}": reading.paths_info,
    rf"GET {API}/refs": reading.refs,
    rf"(?:GET|HEAD) {FILE_OF}/resolve/{REVISION}/(?P<path>.+)": reading.resolve,
    r"POST /api/repos/create": writing.create,
    r"POST /api/validate-yaml": writing.validate_card,
    rf"POST {API}/preupload/{REVISION}": writing.preupload,
    rf"POST {API}/commit/{REVISION}": writing.commit,
    rf"POST {API}/tag/{REVISION}": writing.tag,
    rf"POST {FILE_OF}\.git/info/lfs/objects/batch": writing.lfs_batch,
    rf"POST {FILE_OF}\.git/info/lfs/objects/verify": writing.lfs_verify,
    r"PUT /lfs/(?P<ticket>\w+)": writing.lfs_put,
}


class Hub:
    """Serve repositories on ``url`` until the context ends.

    Tests read and change it directly by ``create``, ``commit``, ``state`` and ``files``;
    ``requests`` are all requests, as ``METHOD /path``.
    """

    def __init__(self) -> None:
        self.faults = Faults()
        self.requests: list[str] = []
        self.repositories: dict[tuple[str, str], Repository] = {}
        self.blobs: dict[str, bytes] = {}  # by SHA-256, of all repositories
        self.tickets: dict[str, tuple[str, int]] = {}
        self.lock = threading.RLock()
        self._accounts: dict[str, Account] = {}
        self._server = _Server(self)

    def __enter__(self) -> "Hub":
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Close all connections and refuse new ones, for good."""
        self._server.stop()

    @property
    def url(self) -> str:
        """Return the value of HF_ENDPOINT."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def environment(self, home: Path, token: str | None = None) -> dict[str, str]:
        """Return the environment of a process that uses this Hub, with its caches in a folder."""
        own = {"HF_ENDPOINT": self.url, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1"}
        return own if token is None else {**own, "HF_TOKEN": token}

    def token(self, user: str, may_write: bool = True) -> str:
        """Create a token for a user, for reading and writing the user's repositories."""
        token = f"hf_{secrets.token_hex(17)}"
        self._accounts[token] = Account(user, may_write)
        return token

    def create(self, repo_id: str, kind: str = "models", is_private: bool = False) -> Repository:
        """Make a repository."""
        self.repositories[kind, repo_id] = Repository(repo_id, kind, is_private)
        return self.repositories[kind, repo_id]

    def commit(
        self, repo_id: str, changes: Mapping[str, bytes | None], kind: str = "models"
    ) -> Commit:
        """Change files of a repository; None deletes."""
        files = {
            name: None if content is None else File(content, goes_to_lfs(name, len(content)))
            for name, content in changes.items()
        }
        with self.lock:
            return self.repositories[kind, repo_id].commit(files, "a commit without HTTP")

    def state(self, repo_id: str) -> State | None:
        """Return the state of a model's repository, or None."""
        repository = self.repositories.get(("models", repo_id))
        return None if repository is None else repository.state()

    def files(self, repo_id: str, revision: str = "main") -> dict[str, bytes]:
        """Return the files of a model at a revision."""
        commit = self.repositories["models", repo_id].find(revision)
        return {} if commit is None else {name: file.content for name, file in commit.files.items()}

    def readable(self, request: Request) -> Repository:
        """Return the repository of a request. Raises RefusalError if it is missing.

        As on the Hub, private repositories are missing for other users.
        """
        repository = self.repositories.get((request["kind"] or "models", request["repo_id"]))
        if repository is not None and (
            not repository.is_private
            or (request.account is not None and request.account.user == repository.owner)
        ):
            return repository
        if request.account is None:
            raise RefusalError(401, "Invalid username or password.", "RepoNotFound")
        raise RefusalError(404, "Repository not found", "RepoNotFound")

    def writable(self, request: Request) -> Repository:
        """Return the repository of a request that writes. Raises RefusalError if it may not."""
        repository = self.readable(request)
        self.check_may_write(request.account, repository.owner)
        return repository

    def check_may_write(self, account: Account | None, owner: str) -> None:
        """Raise RefusalError if the account may not write to this owner's repositories."""
        if account is None:
            raise RefusalError(401, "Invalid username or password.")
        if not account.may_write or account.user != owner:
            raise RefusalError(403, "You don't have the rights to write to this namespace")

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Return the answer to a request."""
        try:
            account = self._account(headers.get("Authorization"))
            for pattern, serve in ROUTES.items():
                if match := re.fullmatch(pattern, f"{method} {path.partition('?')[0]}"):
                    return serve(self, Request(path, body, headers, account, match.groupdict()))
            raise RefusalError(404, f"The stand-in does not implement {method} {path}")
        except RefusalError as refusal:
            return refusal.answer

    def _account(self, authorization: str | None) -> Account | None:
        if authorization is None:
            return None
        token = authorization.removeprefix("Bearer ")
        if token not in self._accounts:
            raise RefusalError(401, "Invalid credentials in Authorization header")
        return self._accounts[token]


class _Server(ThreadingHTTPServer):
    """Serves in threads, which all end when it stops."""

    daemon_threads = False

    def __init__(self, hub: Hub) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.hub = hub
        self._connections: set[socket.socket] = set()
        self._thread = threading.Thread(target=self.serve_forever, args=[0.05])

    def start(self) -> None:
        """Accept connections."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening, and close all connections."""
        self.shutdown()
        self._thread.join()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()

    def get_request(self) -> tuple[socket.socket, Any]:
        """Register a new connection."""
        connection, address = super().get_request()
        self._connections.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        """Unregister a closed connection."""
        super().shutdown_request(request)
        self._connections.discard(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that disconnect early; other errors are bugs of the stand-in."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """Reads requests and writes answers, with the faults that match."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def serve(self) -> None:
        """Serve one request."""
        hub = self.server.hub
        hub.requests.append(f"{self.command} {self.path}")
        fault = hub.faults.take(hub.requests[-1])
        body = self._body(fault)
        if body is None:
            return
        if fault.action is not None:
            fault.action()
        if fault.status is not None:
            answer = RefusalError(fault.status, "Internal Error - We're working on it").answer
        else:
            answer = hub.answer(self.command, self.path, self.headers, body)
        self.close_connection = fault.loses_answer
        if not fault.loses_answer:
            self._write(answer)

    do_GET = do_HEAD = do_POST = do_PUT = serve  # noqa: N815  # http.server looks for these names

    def log_message(self, *_: object) -> None:
        """Print nothing; requests are in ``Hub.requests``."""

    def _body(self, fault: Fault) -> bytes | None:
        length = int(self.headers.get("Content-Length", 0))
        if fault.cut_after_bytes is None:
            return self.rfile.read(length)
        self.rfile.read(min(length, fault.cut_after_bytes))
        self.close_connection = True
        return None

    def _write(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)
